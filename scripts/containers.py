"""A container engine: the processes that are it, and what it has."""

import os
import subprocess

from proc import processes

# How long an engine may take to answer, in s.
LIMIT = 60


def engines():
    """The processes of the engines whose command line names DOCKER_HOST."""
    return [it for it in processes() if it.name == "dockerd" and os.environ["DOCKER_HOST"] in " ".join(it.command)]


def has(label):
    """What the engine has with this label. One that does not answer has something that nobody sees, and so this fails."""
    found = {"container": [], "network": [], "volume": []}
    for kind, command in (
        ("container", ["ps", "--all", "--format", "{{.ID}} {{.Image}}"]),
        ("network", ["network", "ls", "--format", "{{.Name}}"]),
        ("volume", ["volume", "ls", "--format", "{{.Name}}"]),
    ):
        call = ["docker", *command, "--filter", f"label={label}"]
        asked = subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True, timeout=LIMIT)
        found[kind] = asked.stdout.splitlines()
    return found
