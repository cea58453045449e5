"""Runs on disk: `runs/<run_id>/manifest.json` names the one content folder beside it that counts.

Content is written under a name of its own before the manifest points at it, so a reader sees the old run or the new
one, never a mixture.
"""

import dataclasses
import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import atomic, digests
from goldenlayers_core.runtime.frames import DamagedError, from_parquet, to_parquet
from goldenlayers_core.runtime.locks import locked
from goldenlayers_core.runtime.manifest import RunManifest, StoredRun, manifest_from
from goldenlayers_core.runtime.names import checked_name

_MANIFEST = "manifest.json"
MOST_NOTE = 4_000  # letters


@dataclasses.dataclass(frozen=True)
class _Entry:
    manifest: RunManifest
    content: str  # folder name
    frames: tuple[str, ...]
    texts: tuple[str, ...]
    digests: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """File below the content folder -> its SHA-256; empty for what was stored before there were digests."""


class Runs:
    """The `runs/` folder of a store. `lock` is held by everything that writes here."""

    def __init__(self, folder: Path, lock: Path) -> None:
        self._folder = folder
        self._lock = lock
        self._known: dict[str, tuple[tuple[int, ...], _Entry]] = {}  # by run id, with the file it was read from

    def save(self, manifest: RunManifest, frames: Mapping[str, pd.DataFrame], texts: Mapping[str, str]) -> None:
        """Raises StoreError."""
        home = self._folder / checked_name(manifest.run_id, "run")
        files = {
            f"frames/{checked_name(name, 'frame')}.parquet": to_parquet(frame, name, keep_index=True)
            for name, frame in frames.items()
        }
        files |= {
            f"texts/{checked_name(name, 'text')}": text.encode("utf-8", "surrogatepass") for name, text in texts.items()
        }
        told = {name: digests.of_bytes(data) for name, data in files.items()}
        entry = _Entry(manifest, uuid.uuid4().hex, tuple(frames), tuple(texts), told)
        with locked(self._lock):
            before = _read(home / _MANIFEST)
            if before is not None:  # computed anew: what a person said of it stays
                had = before.manifest
                kept = dataclasses.replace(manifest, note=had.note, starred=had.starred, named=had.named)
                title = had.title if had.named else manifest.title
                entry = dataclasses.replace(entry, manifest=dataclasses.replace(kept, title=title))
            for name, data in files.items():
                atomic.write_bytes(home / entry.content / name, data)
            self._point(entry)
            _sweep(home, keep=entry.content)

    def _point(self, entry: _Entry) -> None:
        data = json.dumps(digests.sealed(dataclasses.asdict(entry)), indent=1).encode()
        atomic.write_bytes(self._folder / entry.manifest.run_id / _MANIFEST, data)

    def load(self, run_id: str) -> StoredRun:
        """Raises StoreError for a run that is missing or damaged."""
        seen = ""
        while (entry := self._entry(run_id)).content != seen:
            seen = entry.content
            try:
                frames = {name: from_parquet(self._read(entry, f"frames/{name}.parquet")) for name in entry.frames}
                texts = {name: _text(self._read(entry, f"texts/{name}")) for name in entry.texts}
            except FileNotFoundError:  # replaced while we read, if the manifest now names other content
                continue
            except (DamagedError, UnicodeDecodeError) as reason:
                raise self.set_aside(run_id, reason) from reason
            return StoredRun(entry.manifest, frames, texts)
        raise StoreError(f"Files of run {run_id!r} are missing; delete the run and compute it again.")

    def _read(self, entry: _Entry, name: str) -> bytes:
        """A file of a run. Raises DamagedError where its digest is another than the manifest says."""
        data = atomic.read_bytes(self._folder / entry.manifest.run_id / entry.content / name)
        if entry.digests and entry.digests.get(name) != digests.of_bytes(data):
            raise DamagedError(f"the digest of {name} is another than its manifest's")
        return data

    def set_aside(self, run_id: str, reason: object) -> StoreError:
        """Take a run that cannot be read, or not be understood, off the list; the sentence about it."""
        atomic.set_aside(self._folder / checked_name(run_id, "run") / _MANIFEST, reason)
        self._known.pop(run_id, None)
        return StoreError(f"The run {run_id!r} is damaged and was set aside; compute it again.")

    def manifest(self, run_id: str) -> RunManifest:
        """One run's manifest, without what it holds. Raises StoreError."""
        return self._entry(run_id).manifest

    def _entry(self, run_id: str) -> _Entry:
        entry = self._remembered(checked_name(run_id, "run"))
        if entry is None:
            raise StoreError(f"There is no run {run_id!r} in the store; choose one of the list of runs.")
        return entry

    def manifests(self) -> tuple[RunManifest, ...]:
        """Newest first; damaged ones are set aside."""
        if not self._folder.is_dir():
            return ()
        with atomic.disk_errors(self._folder, "read"), os.scandir(self._folder) as homes:
            names = [home.name for home in homes if home.is_dir()]
        found = [entry.manifest for name in names if (entry := self._remembered(name)) is not None]
        return tuple(sorted(found, key=lambda m: (m.created, m.run_id), reverse=True))

    def _remembered(self, name: str) -> _Entry | None:
        """The entry of a folder, read only where its file is another than last time: every page asks for all runs."""
        path = self._folder / name / _MANIFEST
        try:
            status = path.stat()
        except OSError:
            self._known.pop(name, None)
            return _read(path)
        identity = (status.st_ino, status.st_mtime_ns, status.st_size)
        known = self._known.get(name)
        if known is not None and known[0] == identity:
            return known[1]
        entry = _read(path)
        if entry is not None:  # a file replaced between the two looks has another identity next time
            self._known[name] = (identity, entry)
        return entry

    def rename(self, run_id: str, title: str) -> None:
        """Raises StoreError."""
        if not title.strip():
            raise StoreError("The new title is empty; give at least one letter.")
        self._change(run_id, title=title.strip(), named=True)

    def annotate(self, run_id: str, note: str | None, starred: bool | None) -> None:
        """Raises StoreError."""
        if note is not None and len(note) > MOST_NOTE:
            raise StoreError(f"The note has {len(note):,} letters; give at most {MOST_NOTE:,}.")
        given = {"note": note if note is None else note.strip(), "starred": starred}
        self._change(run_id, **{name: value for name, value in given.items() if value is not None})

    def _change(self, run_id: str, **fields: Any) -> None:
        with locked(self._lock):
            entry = self._entry(run_id)
            self._point(dataclasses.replace(entry, manifest=dataclasses.replace(entry.manifest, **fields)))

    def delete(self, run_id: str) -> None:
        """Raises StoreError."""
        with locked(self._lock):
            self._entry(run_id)
            home = self._folder / run_id
            with atomic.disk_errors(home, "deleted"):
                (home / _MANIFEST).unlink(missing_ok=True)
            atomic.remove_tree(home)

    def clear(self) -> None:
        """Raises StoreError."""
        with locked(self._lock):
            atomic.remove_tree(self._folder)


def _sweep(home: Path, keep: str) -> None:
    """Remove content that no manifest names: what was replaced, or what a killed process left half written."""
    with atomic.disk_errors(home, "read"):
        old = [path for path in home.iterdir() if path.is_dir() and path.name != keep]
    for path in old:
        atomic.remove_tree(path)


def _read(path: Path) -> _Entry | None:
    try:
        data = atomic.read_bytes(path)
    except FileNotFoundError:
        return None
    try:
        content: Any = digests.opened(json.loads(data))
        manifest = manifest_from(content["manifest"])
        if manifest.run_id != path.parent.name:
            raise DamagedError(f"it belongs to run {manifest.run_id!r}")
        frames = tuple(checked_name(name, "frame") for name in content["frames"])
        texts = tuple(checked_name(name, "text") for name in content["texts"])
        told = {str(name): str(digest) for name, digest in content.get("digests", {}).items()}
        return _Entry(manifest, checked_name(content["content"], "folder"), frames, texts, told)
    except (DamagedError, AttributeError, KeyError, TypeError, ValueError, StoreError, RecursionError) as reason:
        atomic.set_aside(path, reason)
        return None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
