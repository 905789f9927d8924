"""A Kratos that something is wrong with: starts the real one, and does to it what MODE says.

The lines before this one set REAL, the program; MODE; and NOTES, a folder that the test and this share.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time


def configuration():
    return json.loads(pathlib.Path("kratos.json").read_text())


def write(config):
    pathlib.Path("kratos.json").write_text(json.dumps(config))


def receive(peer):
    """One HTTP request or answer whose length its head tells."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = peer.recv(65536)
        if not part:
            return data
        data += part
    head, body = data.split(b"\r\n\r\n", 1)
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]):
        body += peer.recv(65536)
    return head + b"\r\n\r\n" + body


def listen(port, serve):
    """Hands every connection on a port of 127.0.0.1 to a function, each in a thread of its own."""
    server = socket.create_server(("127.0.0.1", port))

    def accept():
        while True:
            peer, _ = server.accept()
            threading.Thread(target=serve, args=[peer], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server.getsockname()[1]


def ask(port, request):
    with socket.create_connection(("127.0.0.1", port)) as upstream:
        upstream.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        answer = b""
        while part := upstream.recv(65536):
            answer += part
        return answer


def mail_through_a_post(config, deliver):
    """Mails go through a function that is given each and the sink's port."""
    url = config["courier"]["http"]["request_config"]["url"]
    sink = int(url.split(":")[2].split("/")[0])

    def serve(peer):
        mail = receive(peer)
        # Kratos is told at once that it has gone.
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        peer.close()
        deliver(mail, sink)

    config["courier"]["http"]["request_config"]["url"] = url.replace(f":{sink}/", f":{listen(0, serve)}/")


def in_front(config, treat):
    """Something stands between the edge and Kratos's public API: a function is given each request, the way to Kratos, and
    the peer."""
    port = config["serve"]["public"]["port"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        behind = free.getsockname()[1]
    config["serve"]["public"]["port"] = behind

    def serve(peer):
        request = receive(peer)
        try:
            treat(request, lambda: ask(behind, request), peer)
        except OSError:
            pass
        peer.close()

    listen(port, serve)


def is_login(request):
    return request.startswith(b"POST /self-service/login")


def cut(request, answer, peer):
    whole = answer()
    peer.sendall(whole[: len(whole) // 2] if is_login(request) else whole)


def slow(request, answer, peer):
    whole = answer()
    if is_login(request):
        for place in range(0, len(whole), len(whole) // 20):
            peer.sendall(whole[place : place + len(whole) // 20])
            time.sleep(0.2)
    else:
        peer.sendall(whole)


def silent(request, answer, peer):
    if is_login(request):
        time.sleep(600)
    peer.sendall(answer())


def nonsense(request, answer, peer):
    peer.sendall(b"The moon is not open.\r\n\r\n" if is_login(request) else answer())


def first_time(what):
    """Whether this is the first start that asks."""
    try:
        (NOTES / what).touch(exist_ok=False)
        return True
    except FileExistsError:
        return False


def start(arguments):
    return subprocess.Popen([REAL, *arguments])


def serve(arguments):
    config = configuration()
    if MODE == "mail twice":
        mail_through_a_post(config, lambda mail, sink: (ask(sink, mail), ask(sink, mail)))
    elif MODE == "mail late":
        mail_through_a_post(config, lambda mail, sink: (time.sleep(4), ask(sink, mail)))
    elif MODE == "mail too late":
        mail_through_a_post(config, lambda mail, sink: (time.sleep(120), ask(sink, mail)))
    elif MODE == "mail lost":
        mail_through_a_post(config, lambda mail, sink: None)
    elif MODE == "mail refused":
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        url = config["courier"]["http"]["request_config"]["url"]
        config["courier"]["http"]["request_config"]["url"] = url.replace(url.split(":")[2].split("/")[0], str(port))
    elif MODE == "read-only database":
        config["dsn"] += "&_query_only=true"
    elif MODE in ("cut", "slow", "silent", "nonsense"):
        in_front(config, globals()[MODE])
    elif MODE == "port taken always" or (MODE == "port taken once" and first_time("taken")):
        listen(config["serve"]["public"]["port"], lambda peer: time.sleep(600))
    elif MODE == "slow start":
        time.sleep(6)
    elif MODE == "no start":
        time.sleep(600)
    write(config)
    if MODE == "full disk":
        # A file system of its own that is full once the test says so, seen by this Kratos alone.
        script = (
            "mkdir room && mount -t tmpfs -o size=24m none room && cp kratos.* *.pem *.json room/ && cd room || exit 9\n"
            "(until [ -e \"$2/fill\" ]; do sleep 0.02; done; dd if=/dev/zero of=filler bs=4k; touch \"$2/filled\") >/dev/null 2>&1 &\n"
            'program=$1; shift 2; exec "$program" "$@"'
        )
        child = subprocess.Popen(["/usr/bin/unshare", "--mount", "/bin/sh", "-c", script, "sh", REAL, str(NOTES), *arguments])
    else:
        child = start(arguments)
    while True:
        code = child.wait()
        if not (NOTES / "restart").exists():
            sys.exit(code if code >= 0 else 128 - code)
        (NOTES / "restart").unlink()
        if MODE == "restart with new secrets":
            config["secrets"] = {name: ["another secret that only this start has"] for name in ("default", "cookie")}
            config["secrets"]["cipher"] = ["0123456789abcdef0123456789abcdef"]
            write(config)
        child = start(arguments)


if sys.argv[1] == "serve":
    serve(sys.argv[1:])
os.execv(REAL, [REAL, *sys.argv[1:]])
