"""A container engine: the processes that are it, and what it has."""

import os
import subprocess

from proc import processes


def engines():
    """The processes of the engines whose command line names DOCKER_HOST."""
    return [it for it in processes() if it.name == "dockerd" and os.environ["DOCKER_HOST"] in " ".join(it.command)]


def has(label):
    """What the engine has with this label; nothing where there is no engine."""
    found = {"container": [], "network": [], "volume": []}
    for kind, command in (
        ("container", ["ps", "--all", "--format", "{{.ID}} {{.Image}}"]),
        ("network", ["network", "ls", "--format", "{{.Name}}"]),
        ("volume", ["volume", "ls", "--format", "{{.Name}}"]),
    ):
        asked = subprocess.run(["docker", *command, "--filter", f"label={label}"], capture_output=True, text=True)
        found[kind] = asked.stdout.split("\n")[:-1]
    return found
