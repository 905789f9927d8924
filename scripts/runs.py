"""One run of the harness: what it has started, and what is left of it."""

import errno
import os
import pty
import select
import signal
import subprocess
import tempfile
import threading
import time

import containers
from proc import descendants, displays_of, file_at, listeners, listeners_of, naming, process, processes


def estates(base):
    """The folders for temporary files that are there now."""
    return {str(path) for path in (base / "tmp").iterdir()}


def environment(base):
    """The caller's, without what a developer may have set for runs."""
    ours = {name: text for name, text in os.environ.items() if name.startswith("KRATOS_REPRO_")}
    others = {name: text for name, text in os.environ.items() if name not in ours and name != "DISPLAY"}
    cache = {name: text for name, text in ours.items() if name == "KRATOS_REPRO_CACHE"}
    return {**others, **cache, "TMPDIR": str(base / "tmp"), "NO_COLOR": "1"}


def hear():
    """Has a child heed INT and HUP: a shell that starts a script in the background has it ignore them."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Run:
    """A run that is under way, with a folder for its reports."""

    def __init__(self, program, base, arguments, engine, on_terminal=False):
        self.out = tempfile.mkdtemp(prefix="out-", dir=base)
        command = [str(program), "run", "--out", self.out, "--engine", engine, "--jobs", "2", *arguments]
        self.log = open(os.path.join(self.out, "log"), "wb")
        self.base, self.master, self.closing = base, None, False
        if on_terminal:
            self.id, self.master = pty.fork()
            if self.id == 0:
                os.execve(command[0], command, environment(base))
            threading.Thread(target=self.drain, daemon=True).start()
            self.child = None
        else:
            self.child = subprocess.Popen(
                command,
                env=environment(base),
                stdin=subprocess.DEVNULL,
                stdout=self.log,
                stderr=self.log,
                preexec_fn=hear,
            )
            self.id = self.child.pid
        # Asked once: it may end at any moment.
        now = process(self.id)
        self.started = now.started if now else 0
        self.over = False
        self.seen, self.sockets, self.displays, self.estates = {}, {}, {}, set()

    def drain(self):
        """Reads what it writes to the terminal, and closes the terminal: while somebody reads, it would stay open."""
        while not self.closing:
            if select.select([self.master], [], [], 0.01)[0]:
                try:
                    self.log.write(os.read(self.master, 65536))
                except OSError as error:
                    if error.errno == errno.EIO:
                        # The run has ended by itself.
                        break
                    raise
        os.close(self.master)

    def look(self):
        """Takes down what it has now."""
        now = descendants(self.id, processes())
        self.estates |= estates(self.base)
        for it in now:
            self.seen[(it.id, it.started)] = it
        self.sockets.update(listeners_of(now))
        self.displays.update({path: file for path, file in displays_of(now).items() if file})
        return now

    def ended(self):
        if not self.over:
            self.over = self.child.poll() is not None if self.child else os.waitpid(self.id, os.WNOHANG)[0] != 0
        return self.over

    def signal(self, number):
        """Says whether it could be signalled: it had not ended, and so its id is still its own."""
        if self.ended():
            return False
        lived = process(self.id) is not None
        os.kill(self.id, number)
        return lived

    def wait(self, limit, look=False):
        deadline = time.monotonic() + limit
        while not self.ended():
            if time.monotonic() > deadline:
                return False
            if look:
                self.look()
            time.sleep(0.05 if look else 0.005)
        return True

    def left(self, keep, label):
        """What is left of it, by kind."""
        folders = estates(self.base) - keep
        own = [it for it in self.seen.values() if it.id != self.id and it.lives()]
        # The reaper is of the run too: it outlives the harness, and nothing else.
        named = naming([*(self.estates | folders) - keep, f".{self.id}.{self.started}"], processes())
        there = {(it.id, it.started): it for it in own + named}
        still = listeners()
        found = {
            "process": [str(it) for it in there.values()],
            "port": [str(port) for inode, port in self.sockets.items() if inode in still],
            "folder": sorted(folders),
            "Xvfb": [path for path, file in self.displays.items() if file_at(path) == file],
        }
        if label:
            found.update({kind: [it for it in names if it not in keep] for kind, names in containers.has(label).items()})
        return {kind: names for kind, names in found.items() if names}
