"""Runs on disk: `runs/<run_id>/manifest.json` names the one content folder beside it that counts.

Content is written under a name of its own before the manifest points at it, so a reader sees the old run or the new
one, never a mixture.
"""

import dataclasses
import json
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import atomic, digests
from goldenlayers_core.runtime.frames import DamagedError, from_parquet, to_parquet
from goldenlayers_core.runtime.here import MANIFEST, Here
from goldenlayers_core.runtime.locks import locked
from goldenlayers_core.runtime.manifest import RunManifest, StoredRun, manifest_from
from goldenlayers_core.runtime.names import checked_name
from goldenlayers_core.runtime.reaching import AwayError

MOST_NOTE = 4_000  # letters
_NO_ENTRY = (DamagedError, AttributeError, KeyError, TypeError, ValueError, StoreError, RecursionError)


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

    def __init__(self, folder: Path, lock: Path, place: Here) -> None:
        self._folder = folder
        self._lock = lock
        self._place = place
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
        replaced: list[str] = []  # content folders that were ours to replace
        with locked(self._lock):
            for name, data in files.items():
                self._place.put(home / entry.content / name, data)

            def pointed(found: bytes | None) -> bytes:
                before = self._understood(found, home / MANIFEST)
                replaced[:] = [before.content] if before is not None else []
                return _bytes(entry if before is None else _as_before(entry, before.manifest))

            self._place.change(home / MANIFEST, pointed)
            with suppress(AwayError):  # then it stays, and nothing points at it
                for left in self._place.left_over(home, entry.content, replaced):
                    self._place.clear(home / left)

    def load(self, run_id: str) -> StoredRun:
        """Raises StoreError for a run that is missing or damaged."""
        seen = ""
        while (entry := self._entry(run_id)).content != seen:
            seen = entry.content
            try:
                self._place.bring(self._files(entry))
                frames = {name: from_parquet(self._read(entry, f"frames/{name}.parquet")) for name in entry.frames}
                texts = {name: _text(self._read(entry, f"texts/{name}")) for name in entry.texts}
            except FileNotFoundError:  # replaced while we read, if the manifest now names other content
                self._place.look(self._folder / run_id / MANIFEST)
                continue
            except (DamagedError, UnicodeDecodeError) as reason:
                raise self.set_aside(run_id, reason) from reason
            return StoredRun(entry.manifest, frames, texts)
        raise StoreError(f"Files of run {run_id!r} are missing; delete the run and compute it again.")

    def _files(self, entry: _Entry) -> list[Path]:
        home = self._folder / entry.manifest.run_id / entry.content
        return [*(home / f"frames/{n}.parquet" for n in entry.frames), *(home / f"texts/{n}" for n in entry.texts)]

    def _read(self, entry: _Entry, name: str) -> bytes:
        """A file of a run. Raises DamagedError where its digest is another than the manifest says."""
        path = self._folder / entry.manifest.run_id / entry.content / name
        data = atomic.read_bytes(self._place.found(path))
        if entry.digests and entry.digests.get(name) != digests.of_bytes(data):
            if self._place.again(path):
                data = atomic.read_bytes(self._place.found(path))
            if entry.digests.get(name) != digests.of_bytes(data):
                raise DamagedError(f"the digest of {name} is another than its manifest's")
        return data

    def packed(self, run_id: str) -> tuple[dict[str, bytes], bytes]:
        """The files of a run by their path below its folder, and its manifest's bytes. Raises StoreError."""
        entry = self._entry(run_id)
        names = [*(f"frames/{n}.parquet" for n in entry.frames), *(f"texts/{n}" for n in entry.texts)]
        try:
            return {f"{entry.content}/{name}": self._read(entry, name) for name in names}, _bytes(entry)
        except FileNotFoundError as error:
            raise StoreError(f"Files of run {run_id!r} are missing, or it is being replaced; try again.") from error
        except DamagedError as reason:
            raise self.set_aside(run_id, reason) from reason

    def set_aside(self, run_id: str, reason: object) -> StoreError:
        """Take a run that cannot be read, or not be understood, off the list; the sentence about it."""
        self._place.set_aside(self._folder / checked_name(run_id, "run") / MANIFEST, reason)
        self._known.pop(run_id, None)
        return StoreError(f"The run {run_id!r} is damaged and was set aside; compute it again.")

    def manifest(self, run_id: str) -> RunManifest:
        """One run's manifest, without what it holds. Raises StoreError."""
        return self._entry(run_id).manifest

    def _entry(self, run_id: str) -> _Entry:
        entry = self._remembered(checked_name(run_id, "run"))
        if entry is None:
            raise _no_run(run_id)
        return entry

    def manifests(self) -> tuple[RunManifest, ...]:
        """Newest first; damaged ones are set aside."""
        names = self._place.folders(self._folder)
        self._place.bring([self._folder / name / MANIFEST for name in names])
        found = [entry.manifest for name in names if (entry := self._remembered(name)) is not None]
        return tuple(sorted(found, key=lambda m: (m.created, m.run_id), reverse=True))

    def _remembered(self, name: str) -> _Entry | None:
        """The entry of a folder, read only where its file is another than last time: every page asks for all runs."""
        path = self._folder / name / MANIFEST
        try:
            status = self._place.found(path).stat()
        except OSError:
            self._known.pop(name, None)
            return self._entry_at(path)
        identity = (status.st_ino, status.st_mtime_ns, status.st_size)
        known = self._known.get(name)
        if known is not None and known[0] == identity:
            return known[1]
        entry = self._entry_at(path)
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
            self._entry(run_id)

            def changed(found: bytes | None) -> bytes:
                entry = self._understood(found, self._folder / run_id / MANIFEST)
                if entry is None:
                    raise _no_run(run_id)
                return _bytes(dataclasses.replace(entry, manifest=dataclasses.replace(entry.manifest, **fields)))

            self._place.change(self._folder / run_id / MANIFEST, changed)

    def _entry_at(self, path: Path) -> _Entry | None:
        try:
            return self._understood(atomic.read_bytes(self._place.found(path)), path)
        except FileNotFoundError:
            return None

    def _understood(self, data: bytes | None, path: Path) -> _Entry | None:
        """The entry that a manifest's bytes tell; a damaged one is set aside."""
        if data is None:
            return None
        try:
            return _entry_from(data, path.parent.name)
        except _NO_ENTRY as reason:
            self._place.set_aside(path, reason)
            return None

    def delete(self, run_id: str) -> None:
        """Raises StoreError."""
        with locked(self._lock):
            self._entry(run_id)
            home = self._folder / run_id
            self._place.drop(home / MANIFEST)
            self._place.clear(home)

    def clear(self) -> None:
        """Raises StoreError."""
        with locked(self._lock):
            self._place.clear(self._folder)


def _entry_from(data: bytes, run_id: str) -> _Entry:
    content: Any = digests.opened(json.loads(data))
    manifest = manifest_from(content["manifest"])
    if manifest.run_id != run_id:
        raise DamagedError(f"it belongs to run {manifest.run_id!r}")
    frames = tuple(checked_name(name, "frame") for name in content["frames"])
    texts = tuple(checked_name(name, "text") for name in content["texts"])
    told = {str(name): str(digest) for name, digest in content.get("digests", {}).items()}
    return _Entry(manifest, checked_name(content["content"], "folder"), frames, texts, told)


def _as_before(entry: _Entry, had: RunManifest) -> _Entry:
    """A run computed anew: what a person said of it stays."""
    kept = dataclasses.replace(entry.manifest, note=had.note, starred=had.starred, named=had.named)
    title = had.title if had.named else entry.manifest.title
    return dataclasses.replace(entry, manifest=dataclasses.replace(kept, title=title))


def _bytes(entry: _Entry) -> bytes:
    return json.dumps(digests.sealed(dataclasses.asdict(entry)), indent=1).encode()


def _no_run(run_id: str) -> StoreError:
    return StoreError(f"There is no run {run_id!r} in the store; choose one of the list of runs.")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
