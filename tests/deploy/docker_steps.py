"""The steps of the Dockerfile in a clean Debian, for where no engine is at hand.

    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm ROOT
    ln -s /usr/bin/python3 ROOT/usr/local/bin/python
    python -m tests.deploy.docker_steps ROOT [ARG=VALUE ...]    # as root: every instruction in its order, then CMD

Both stages are run in the same root, so that COPY --from finds what it names where it is. The last command is the
image's own CMD, as its user; stop it with Ctrl+C.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def instructions(text: str) -> list[tuple[str, str]]:
    """(name, rest) of every instruction of a Dockerfile, continued lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(line.split(" ", 1)[0].upper(), line.split(" ", 1)[1]) for line in joined.splitlines()]


def steps(root: Path, arguments: dict[str, str]) -> None:
    """Do what the Dockerfile says, in `root`, with these build arguments. Raises CalledProcessError."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
    folder, user = "/", "0:0"
    for name, rest in instructions((PROJECT / "Dockerfile").read_text()):
        print(f"{name} {rest[:100]}", flush=True)
        if name in ("ENV", "ARG"):
            for pair in shlex.split(rest):
                key, value = pair.split("=", 1)
                environment[key] = arguments.get(key, value).replace("$PATH", environment["PATH"])
        elif name == "WORKDIR":
            folder = rest
            (root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif name == "USER":
            user = rest
        elif name == "COPY" and "--from=" not in rest:
            copied(rest.split(), root / folder.lstrip("/"))
        elif name == "RUN":
            chrooted(root, folder, user, environment, ["sh", "-c", rest])
        elif name == "CMD":
            chrooted(root, folder, user, environment, json.loads(rest))


def copied(names: list[str], folder: Path) -> None:
    """As COPY does: files into a folder, a folder's content into one."""
    *sources, target = names
    for source in (PROJECT / name for name in sources):
        to = folder / target
        if source.is_dir():
            shutil.copytree(source, to, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            to = to / source.name if target.endswith("/") else to
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, to)


def chrooted(root: Path, folder: str, user: str, environment: dict[str, str], command: list[str]) -> None:
    """A command in the root, in a folder of it, as a user, with this environment and no other."""
    inside = ["sh", "-c", f'cd {shlex.quote(folder)} && exec "$@"', "sh", *command]
    kept = {
        name: os.environ[name] for name in ("PIP_DEFAULT_TIMEOUT", "PIP_CERT", "PIP_FIND_LINKS") if name in os.environ
    }
    subprocess.run(["/usr/sbin/chroot", f"--userspec={user}", str(root), *inside], env=environment | kept, check=True)


if __name__ == "__main__":
    steps(Path(sys.argv[1]), dict(pair.split("=", 1) for pair in sys.argv[2:]))
