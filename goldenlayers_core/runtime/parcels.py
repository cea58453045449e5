"""What of a store on this disk a location lacks, found by comparing the two, and each piece of it sent.

Rows are compared by what they are, so that what was merged there is not sent again; runs and what has a name by their
names. Where both have a thing, what is there stays, and what a person said here joins it.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import atomic, digests
from goldenlayers_core.runtime.direct import Direct
from goldenlayers_core.runtime.frames import DamagedError, to_parquet
from goldenlayers_core.runtime.here import MANIFEST
from goldenlayers_core.runtime.post import joined
from goldenlayers_core.runtime.reaching import AwayError
from goldenlayers_core.runtime.store import Store
from goldenlayers_core.runtime.tables import ROW_KEYS, WRITTEN, row_keys

_NO_JSON: Final = (ValueError, RecursionError, DamagedError)


@dataclass(frozen=True)
class Parcel:
    """A thing of which the location lacks something."""

    kind: str  # "tables", "runs", "objects" or "desks"
    name: str
    n_objects: int  # to be created there
    n_bytes: int
    send: Callable[[], None]  # does nothing where it is there by then
    n_rows: int = 0  # of a table


@dataclass(frozen=True)
class Passed:
    """A thing that is not sent."""

    kind: str
    name: str
    why: str  # "there", "deleted" there, "damaged" here


class Comparison:
    """A store on this disk beside one at a location. Raises AwayError where that stays away."""

    def __init__(self, here: Store, there: Store, place: Direct, deleted_too: bool) -> None:
        """`deleted_too`: also what was deleted there."""
        self._here, self._there, self._place = here, there, place
        self._wanted = ("absent", "deleted") if deleted_too else ("absent",)

    def things(self) -> list[Callable[[], Parcel | Passed]]:
        """One call per thing here, results before what points at them: what of it would be sent."""
        top, disk = self._here.root, self._here.place
        tables = [
            (table, key) for table in disk.folders(top / "tables") for key in disk.folders(top / "tables" / table)
        ]
        objects = [
            f"objects/{kind}/{name}" for kind in disk.folders(top / "objects") for name in _files(self._here, kind)
        ]
        desks = [f"desks/{name}" for name in disk.under(top / "desks") if name.endswith(".json")]
        return [
            *(partial(self._table, table, key) for table, key in tables),
            *(partial(self._named, name) for name in objects),
            *(partial(self._run, run_id) for run_id in disk.folders(top / "runs")),
            *(partial(self._named, name) for name in desks),
        ]

    def _table(self, table: str, key: str) -> Parcel | Passed:
        name = f"{table}/{key}"
        try:
            mine = self._here.read_rows(table, key)
        except StoreError:
            return Passed("tables", name, "damaged")
        rows = lacking(mine, self._there.read_rows(table, key))
        if rows.empty:
            return Passed("tables", name, "there")
        n_bytes = len(to_parquet(rows.assign(**{WRITTEN: 0}), table, keep_index=False))
        return Parcel("tables", name, 1, n_bytes, partial(self._send_rows, table, key), len(rows))

    def _send_rows(self, table: str, key: str) -> None:
        self._there.add_rows(table, key, partial(lacking, self._here.read_rows(table, key)))

    def _run(self, run_id: str) -> Parcel | Passed:
        path = Path("runs") / run_id / MANIFEST
        state = self._place.state(self._place.root / path)
        if state not in self._wanted:
            return self._joining("runs", run_id, path) if state == "there" else Passed("runs", run_id, state)
        try:
            files, manifest = self._missing(run_id)
        except AwayError:
            raise
        except StoreError:
            return Passed("runs", run_id, "damaged")
        n_bytes = sum(map(len, files.values())) + len(manifest)
        return Parcel("runs", run_id, len(files) + 1, n_bytes, partial(self._send_run, run_id, path))

    def _missing(self, run_id: str) -> tuple[dict[str, bytes], bytes]:
        """The files of a run that are not there yet, and its manifest."""
        files, manifest = self._here.packed_run(run_id)
        lying = self._place.lying(self._place.root / "runs" / run_id)
        return {name: data for name, data in files.items() if name not in lying}, manifest

    def _send_run(self, run_id: str, path: Path) -> None:
        files, manifest = self._missing(run_id)
        for name, data in files.items():
            self._place.put(self._place.root / "runs" / run_id / name, data)
        self._join(path, manifest)

    def _named(self, name: str) -> Parcel | Passed:
        kind, _, shown = name.partition("/")
        path = Path(name)
        state = self._place.state(self._place.root / path)
        if state not in self._wanted:
            return self._joining(kind, shown, path) if state == "there" else Passed(kind, shown, state)
        if (data := self._sound(path)) is None:
            return Passed(kind, shown, "damaged")
        return Parcel(kind, shown, 1, len(data), partial(self._send_named, path))

    def _send_named(self, path: Path) -> None:
        if (data := self._sound(path)) is not None:  # not deleted here since
            self._join(path, data)

    def _joining(self, kind: str, shown: str, path: Path) -> Parcel | Passed:
        """What joining ours to what is there would change."""
        if path.suffix != ".json" or (mine := self._sound(path)) is None:
            return Passed(kind, shown, "there")
        try:
            theirs = atomic.read_bytes(self._place.found(self._place.root / path))
        except FileNotFoundError:
            return Passed(kind, shown, "there")
        both = kept(path, theirs, mine)
        if both == theirs:
            return Passed(kind, shown, "there")
        return Parcel(kind, shown, 1, len(both), partial(self._send_named, path))

    def _join(self, path: Path, mine: bytes) -> None:
        self._place.change(self._place.root / path, lambda theirs: mine if theirs is None else kept(path, theirs, mine))

    def _sound(self, path: Path) -> bytes | None:
        """The bytes here; None where they are damaged or gone."""
        try:
            data = atomic.read_bytes(self._here.root / path)
            if path.suffix == ".json":
                digests.opened(json.loads(data))
            else:
                self._here.load_arrays(path.parts[1], path.stem)
        except (*_NO_JSON, FileNotFoundError, StoreError):
            return None
        return data


def lacking(mine: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Rows of ours that are not theirs: by request (and layer) where rows have one, else by all that they say."""
    if mine.empty or theirs.empty:
        return mine
    both = pd.concat([mine, theirs], ignore_index=True)  # so that equal numbers have one type
    keys = [name for name in ROW_KEYS if name in both.columns] if "request" in both.columns else list(both.columns)
    texts = row_keys(both[keys])
    there, keep = Counter(texts[len(mine) :]), list[bool]()
    for text in texts[: len(mine)]:
        keep.append(there[text] <= 0)
        there[text] -= 0 if "request" in both.columns else 1  # a row that is here twice is there twice
    return mine[keep].reset_index(drop=True)


def kept(path: Path, theirs: bytes, mine: bytes) -> bytes:
    """What is there, with what ours adds to it; the very same bytes where that is nothing."""
    name = f"manifests/{path.parts[1]}" if path.parts[0] == "runs" else path.as_posix()
    if path.suffix != ".json":
        return theirs
    try:
        their = digests.opened(json.loads(theirs))
        both = digests.opened(json.loads(joined(name, mine, theirs)))
        if path.parts[0] == "desks":
            both |= _said(digests.opened(json.loads(mine)), both)
    except (*_NO_JSON, AttributeError):
        return theirs
    if both == their:
        return theirs
    return json.dumps(digests.sealed(both), ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")


def _said(mine: dict[str, Any], both: dict[str, Any]) -> dict[str, Any]:
    """What a desk said here of what it says nothing of there."""
    return {field: mine[field] for field in both if not both[field] and mine.get(field)}


def _files(store: Store, kind: str) -> Iterator[str]:
    names = store.place.names(store.root / "objects" / kind)
    return (name for name in names if name.endswith((".json", ".safetensors")))
