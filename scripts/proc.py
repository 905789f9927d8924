"""What the machine shows of its processes, the ports on which they listen and the displays that they serve, by proc(5)."""

import collections
import os
import pathlib

# Where displays have their sockets.
DISPLAYS = "/tmp/.X11-unix/"


class Process(collections.namedtuple("Process", "id parent group started command")):
    @property
    def name(self):
        return os.path.basename(self.command[0]) if self.command else ""

    def lives(self):
        now = process(self.id)
        return now is not None and now.started == self.started

    def __str__(self):
        return f"{self.id} {' '.join(self.command)[:90]}"


def read(path):
    try:
        return pathlib.Path(path).read_bytes()
    except OSError:
        return b""


def process(number):
    """A process that lives; one that has ended and waits for its parent does not."""
    _, _, rest = read(f"/proc/{number}/stat").rpartition(b")")
    fields = rest.split()
    if len(fields) < 20 or fields[0] in (b"Z", b"X"):
        return None
    command = [word.decode(errors="replace") for word in read(f"/proc/{number}/cmdline").split(b"\0") if word]
    return Process(number, int(fields[1]), int(fields[2]), int(fields[19]), command)


def processes():
    numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [seen for seen in map(process, numbers) if seen]


def descendants(root, everybody):
    """A process, those that it started, and those of their process groups."""
    own = [it.group for it in everybody if it.id == root]
    if not own:
        return []
    found, groups = {root}, set()
    while True:
        more = {it.id for it in everybody if it.parent in found or it.group in groups}
        if more <= found:
            return [it for it in everybody if it.id in found]
        found |= more
        groups = {it.group for it in everybody if it.id in found} - set(own)


def naming(words, everybody):
    """Those whose command line, environment or working folder has one of these words."""
    found = []
    for it in everybody:
        try:
            place = os.readlink(f"/proc/{it.id}/cwd").encode()
        except OSError:
            place = b""
        text = read(f"/proc/{it.id}/environ") + b"\0" + read(f"/proc/{it.id}/cmdline") + b"\0" + place
        if any(word.encode() in text for word in words):
            found.append(it)
    return found


def lines_of(*tables):
    """The lines of these tables of each network that a process is on, without their heads: a run has one of its own."""
    networks = collections.defaultdict(list)
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                networks[os.readlink(f"/proc/{name}/ns/net")].append(name)
            except OSError:
                pass
    for names in networks.values():
        for table in tables:
            # A process that has ended meanwhile shows nothing, not even the head.
            texts = (read(f"/proc/{name}/net/{table}") for name in names)
            text = next((text for text in texts if text), b"")
            for line in text.decode(errors="replace").splitlines()[1:]:
                yield line.split()


def listeners():
    """The sockets that listen: inode and port."""
    lines = (fields for fields in lines_of("tcp", "tcp6") if len(fields) > 9 and fields[3] == "0A")
    return {fields[9]: int(fields[1].rpartition(":")[2], 16) for fields in lines}


def sockets_of(those):
    """The inodes of the sockets that these have open."""
    found = set()
    for it in those:
        try:
            for file in os.listdir(f"/proc/{it.id}/fd"):
                link = os.readlink(f"/proc/{it.id}/fd/{file}")
                if link.startswith("socket:["):
                    found.add(link[8:-1])
        except OSError:
            pass
    return found


def listeners_of(those):
    own = sockets_of(those)
    return {inode: port for inode, port in listeners().items() if inode in own}


def displays_of(those):
    """The sockets of the displays that these serve: path and file."""
    own = sockets_of(those)
    paths = [fields[7] for fields in lines_of("unix") if len(fields) == 8 and fields[6] in own]
    return {path: file_at(path) for path in paths if path.startswith(DISPLAYS)}


def file_at(path):
    """What tells a file from one that has its name later; nothing where there is none."""
    try:
        seen = os.stat(path)
    except OSError:
        return None
    return seen.st_dev, seen.st_ino, seen.st_mtime_ns
