"""The store: every result on disk, shared by the app and the command line.

    store.json                              its version
    tables/<table>/<key>/<shard>.parquet    rows that grow (one row per request, or per request and layer)
    runs/<run_id>/manifest.json             runs, each with frames (Parquet) and texts
    objects/<kind>/<name>.json|.safetensors anything with a name
    desks/<desk>/<name>.json                whose a run or an upload is, and what they say of it
                                            (all of these also where others reach them: `shared`)
    jobs/<queue>/                           beside it, not the store's; what was set aside there is reported and cleared

Several threads and processes may use one store. Files appear whole or not at all; damaged ones are renamed
`*.damaged`, reported by `problems()`, and stop nothing. Every method raises StoreError, and nothing else, for a disk
that refuses, a name that is not allowed, or something that is missing.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from numpy.typing import NDArray

from goldenlayers_core.errors import GoldenLayersError, StoreError
from goldenlayers_core.runtime import atomic
from goldenlayers_core.runtime.here import Here
from goldenlayers_core.runtime.locks import locked
from goldenlayers_core.runtime.manifest import RunManifest, StoredRun
from goldenlayers_core.runtime.names import checked_name
from goldenlayers_core.runtime.objects import Objects
from goldenlayers_core.runtime.owned import WORKING_FOR, Owned
from goldenlayers_core.runtime.runs import Runs
from goldenlayers_core.runtime.tables import Tables

VERSION = 2  # 2: everything carries its digest; 1 is read as it is, without one
_RUNS = "runs"
_A_RESULT = "It could not be read and was set aside; compute it again, and delete it by clearing its kind."
_A_JOB = "This job could not be read and was set aside; start it again, and delete the file by clearing everything."
T = TypeVar("T")
# What a reader raises that was handed a record it does not understand: cut, of another version, or made by a stranger
_NOT_UNDERSTOOD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Usage:
    """Disk use of one kind: "runs", a table, or a kind of object."""

    kind: str
    n_files: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the store that cannot be used."""

    path: str  # relative to the store
    reason: str


class Store:
    """Results on disk under `root`, and where `place` says besides (None: nowhere)."""

    def __init__(self, root: Path, place: Here | None = None) -> None:
        self.root = Path(root).expanduser().absolute()
        self.place = place or Here(self.root)
        locks = self.root / ".locks"
        self._tables_lock = locks / "tables"
        self._tables = Tables(self.root / "tables", self._tables_lock, self.place)
        self._runs = Runs(self.root / _RUNS, locks / _RUNS, self.place)
        self._objects = Objects(self.root / "objects", self.place)
        self.owned = Owned(self.root / "desks", self.place)
        self._version = self._found_version()

    @property
    def where(self) -> str:
        """Where the results are, for a person."""
        return f"{self.place.words}, with copies in {self.root}" if self.place.words else str(self.root)

    def append_rows(self, table: str, key: str, frame: pd.DataFrame) -> None:
        """Add rows as one shard, atomically. Columns need text names; the index is not kept."""
        table, key = _kind(table, "table"), checked_name(key, "key")
        self._open()
        self._tables.append(table, key, frame)

    def add_rows(self, table: str, key: str, missing: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        """Add as one shard what `missing` says of the rows that are here; once, if two add the same rows at once."""
        self._open()
        self._tables.add(_kind(table, "table"), checked_name(key, "key"), missing)

    def read_rows(self, table: str, key: str) -> pd.DataFrame:
        """All rows, oldest first; of rows with equal "request" (and "layer") the last; empty where there are none."""
        return self._tables.read(_kind(table, "table"), checked_name(key, "key"))

    def save_run(
        self, manifest: RunManifest, frames: Mapping[str, pd.DataFrame], texts: Mapping[str, str] | None = None
    ) -> None:
        """Store a run whole, for the desks that this thread works for; a run of the same id is replaced whole."""
        self._open()
        self._runs.save(manifest, frames, texts or {})
        for desk in WORKING_FOR.get()():
            self.owned.mark(desk, manifest.run_id)

    def load_run(self, run_id: str) -> StoredRun:
        """A run with its frames and texts."""
        return self._runs.load(run_id)

    def read_run(self, run_id: str, make: Callable[[StoredRun], T]) -> T:
        """What `make` makes of a run; one that it does not understand is set aside.

        A StoreError of `make` is its own sentence about a run that is whole, such as one of another kind.
        """
        run = self._runs.load(run_id)
        return _understood(lambda: make(run), lambda reason: self._runs.set_aside(run_id, reason))

    def read_manifest(self, run_id: str, make: Callable[[RunManifest], T]) -> T:
        """What `make` makes of a run's manifest; a run whose manifest it does not understand is set aside."""
        manifest = self._runs.manifest(run_id)
        return _understood(lambda: make(manifest), lambda reason: self._runs.set_aside(run_id, reason))

    def manifest(self, run_id: str) -> RunManifest:
        """One run's manifest, without what it holds."""
        return self._runs.manifest(run_id)

    def runs(self) -> tuple[RunManifest, ...]:
        """Every readable run, newest first."""
        return self._runs.manifests()

    def packed_run(self, run_id: str) -> tuple[dict[str, bytes], bytes]:
        """A run's files by their path below its folder, and its manifest, as they are kept."""
        return self._runs.packed(run_id)

    def delete_run(self, run_id: str) -> None:
        """Delete a run with everything it holds."""
        self._runs.delete(run_id)

    def rename_run(self, run_id: str, title: str) -> None:
        """Give a run another title."""
        self._runs.rename(run_id, title)

    def annotate_run(self, run_id: str, note: str | None = None, starred: bool | None = None) -> None:
        """Keep a person's note on a run, or its star; None leaves it as it is. Both outlast computing it anew."""
        self._runs.annotate(run_id, note, starred)

    def save_arrays(
        self, kind: str, name: str, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, str] | None = None
    ) -> None:
        """Store arrays and a description of them as safetensors."""
        kind, name = _kind(kind, "kind"), checked_name(name, kind)
        self._open()
        self._objects.save_arrays(kind, name, arrays, meta or {})

    def load_arrays(self, kind: str, name: str) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
        """The arrays and their description."""
        return self._objects.load_arrays(_kind(kind, "kind"), checked_name(name, kind))

    def save_json(self, kind: str, name: str, content: Any) -> None:
        """Store what JSON can hold; tuples come back as lists."""
        kind, name = _kind(kind, "kind"), checked_name(name, kind)
        self._open()
        self._objects.save_json(kind, name, content)

    def change_json(self, kind: str, name: str, change: Callable[[Any], Any]) -> Any:
        """Store what `change` makes of what is stored now (None where nothing is, or it is damaged), and return it.

        No other process changes it in between, so that of two that add to it neither is lost.
        """
        kind, name = _kind(kind, "kind"), checked_name(name, kind)
        self._open()
        with locked(self.root / ".locks" / kind):
            return self._objects.change_json(kind, name, change)

    def load_json(self, kind: str, name: str) -> Any:
        """What was stored."""
        return self._objects.load_json(_kind(kind, "kind"), checked_name(name, kind))

    def read_json(self, kind: str, name: str, make: Callable[[Any], T]) -> T:
        """What `make` makes of stored JSON; what it does not understand is set aside."""
        content = self.load_json(kind, name)
        return _understood(lambda: make(content), lambda reason: self._objects.set_aside(kind, name, reason))

    def read_arrays(self, kind: str, name: str, make: Callable[[dict[str, NDArray[Any]], dict[str, str]], T]) -> T:
        """What `make` makes of stored arrays and their description; what it does not understand is set aside."""
        arrays, meta = self.load_arrays(kind, name)
        return _understood(lambda: make(arrays, meta), lambda reason: self._objects.set_aside(kind, name, reason))

    def names(self, kind: str) -> tuple[str, ...]:
        """The names stored of a kind (JSON or arrays), sorted."""
        return self._objects.names(_kind(kind, "kind"))

    def delete(self, kind: str, name: str) -> None:
        """Delete one named thing (its JSON and its arrays)."""
        self._objects.delete(_kind(kind, "kind"), checked_name(name, kind))

    def usage(self) -> tuple[Usage, ...]:
        """Disk use per kind, by name; remains of killed processes are removed on the way."""
        counts: dict[str, tuple[int, int]] = {}
        for kind, folder in self._folders():
            for size in self.place.sizes(folder):
                n_files, n_bytes = counts.get(kind, (0, 0))
                counts[kind] = (n_files + 1, n_bytes + size)
        return tuple(Usage(kind, *counts[kind]) for kind in sorted(counts))

    def clear(self, kind: str | None = None) -> None:
        """Delete everything of a kind that `usage` names; of every kind for None."""
        known = [entry.kind for entry in self.usage()]
        if kind is not None and kind not in known:
            raise StoreError(f"Nothing of kind {kind!r} is stored; stored are: {', '.join(known) or 'nothing'}.")
        if kind in (None, _RUNS):
            self._runs.clear()
        with locked(self._tables_lock):  # no merge may bring cleared rows back
            for name, folder in self._folders():
                if name != _RUNS and kind in (None, name):
                    self.place.clear(folder)
        if kind is None:
            for path in self._damaged_beside():
                path.unlink(missing_ok=True)

    def problems(self) -> tuple[Problem, ...]:
        """What was found damaged and set aside, by path."""
        self.runs()  # sets damaged manifests aside
        tops = (_RUNS, "manifests", "tables", "objects")  # also of copies of what lies elsewhere
        places = [self._damaged_beside(), *(atomic.files_under(self.root / top) for top in tops)]
        found = sorted({path for place in places for path in place if path.name.endswith(atomic.DAMAGED)})
        names = [path.relative_to(self.root).as_posix() for path in found]
        return tuple(Problem(name, _A_JOB if name.startswith("jobs/") else _A_RESULT) for name in names)

    def _damaged_beside(self) -> list[Path]:
        """What was set aside of the store's own file and of jobs."""
        return [path for place in ("", "jobs/*/") for path in self.root.glob(f"{place}*{atomic.DAMAGED}")]

    def _folders(self) -> list[tuple[str, Path]]:
        """(kind, folder) of everything the store keeps."""
        tops = [self.root / "tables", self.root / "objects"]
        found = [(name, top / name) for top in tops for name in self.place.folders(top)]
        return [(_RUNS, self.root / _RUNS), *found]

    def _open(self) -> None:
        """Make the store on its first write; an older one is of this version from then on."""
        path = self.root / "store.json"
        if self._version < VERSION or not path.exists():
            self._version = VERSION
            atomic.write_bytes(path, json.dumps({"format": "golden-layers-store", "version": VERSION}).encode())

    def _found_version(self) -> int:
        """The version on disk; this program's where there is no store yet. Raises StoreError for a newer one."""
        path = self.root / "store.json"
        try:
            version = int(json.loads(atomic.read_bytes(path))["version"])
        except FileNotFoundError:
            return VERSION
        except (KeyError, TypeError, ValueError) as reason:
            atomic.set_aside(path, reason)
            return VERSION
        if version > VERSION:
            raise StoreError(
                f"The store in {self.root} has version {version} and this program reads up to {VERSION}; update the "
                "program, or set GOLDENLAYERS_CACHE to another folder."
            )
        return version


def _understood(make: Callable[[], T], set_aside: Callable[[str], StoreError]) -> T:
    try:
        return make()
    except StoreError:
        raise
    except (*_NOT_UNDERSTOOD, GoldenLayersError) as reason:
        raise set_aside(f"{type(reason).__name__}: {reason}") from reason


def _kind(name: str, what: str) -> str:
    """A kind names its place in `usage` and `clear`, where "runs" means the runs."""
    if name == _RUNS:
        raise StoreError(f"{name!r} cannot name a {what} because it means the runs; use another name.")
    return checked_name(name, what)
