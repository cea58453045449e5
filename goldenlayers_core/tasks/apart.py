"""The workbench as one desk sees it where desks are apart: its own runs, uploads and notes, and nobody else's.

The rule stands in SECURITY.md. What the machine computed (scores per request, factors of edits, covariances) lies in
one store under names made of its content; a desk comes to it by asking the same question.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pandas as pd
from numpy.typing import NDArray

from goldenlayers_core.errors import ConfigError, DatasetError, GoldenLayersError, StoreError
from goldenlayers_core.records import Dataset, ModelSource
from goldenlayers_core.runtime import Claim, JobView, Problem, Progress, RunManifest, Store, StoredRun
from goldenlayers_core.runtime.runs import MOST_NOTE
from goldenlayers_core.tasks.allowed import check_question
from goldenlayers_core.tasks.mode import LOOPBACK
from goldenlayers_core.tasks.questions import PASTED, DatasetChoice
from goldenlayers_core.tasks.serial import plain_dataset
from goldenlayers_core.tasks.visitors import check_jobs, check_room, check_upload
from goldenlayers_core.tasks.workbench import UPLOAD, Workbench, part_of

if TYPE_CHECKING:
    from goldenlayers_core.models import ModelHandle

T = TypeVar("T")
VARIABLE: Final = "GOLDENLAYERS_DESKS"
_OWNED: Final = ("datasets", "uploads", "texts")  # kinds of objects that are somebody's


def desks_apart(address: str | None, wish: str | None = None) -> bool:
    """Whether desks see only their own: where others can reach the server's `address`, or where it is wished for.

    `wish` is "apart", "together" or "" (None: what GOLDENLAYERS_DESKS says). Raises ConfigError for another one.
    """
    wish = os.environ.get(VARIABLE, "") if wish is None else wish
    if wish not in ("", "apart", "together"):
        raise ConfigError(f"{VARIABLE} is {wish!r}; set it to apart or together, or leave it unset.")
    return wish == "apart" or (wish == "" and (address or "").lower() not in LOOPBACK)


class DeskStore(Store):
    """A store of which a desk sees its own runs and uploads, with its own titles, stars and notes."""

    def __init__(self, bench: Workbench, desk: str) -> None:
        self.__dict__.update(bench.store.__dict__)  # the same store
        self._bench = bench
        self._desk = desk

    def runs(self) -> tuple[RunManifest, ...]:
        """This desk's runs, newest first."""
        mine = self.owned.names(self._desk)
        return tuple(self._own(manifest) for manifest in super().runs() if manifest.run_id in mine)

    def manifest(self, run_id: str) -> RunManifest:
        """One of this desk's runs."""
        return self._own(super().manifest(self._mine(run_id)))

    def load_run(self, run_id: str) -> StoredRun:
        """One of this desk's runs, with what it holds."""
        found = super().load_run(self._mine(run_id))
        return dataclasses.replace(found, manifest=self._own(found.manifest))

    def read_run(self, run_id: str, make: Callable[[StoredRun], T]) -> T:
        """What `make` makes of one of this desk's runs."""
        return super().read_run(self._mine(run_id), make)

    def save_run(
        self, manifest: RunManifest, frames: Mapping[str, pd.DataFrame], texts: Mapping[str, str] | None = None
    ) -> None:
        """Store a run for this desk."""
        super().save_run(manifest, frames, texts)
        self.owned.mark(self._desk, manifest.run_id)

    def delete_run(self, run_id: str) -> None:
        """Take a run off this desk; it is deleted with the last desk that has it."""
        self.owned.drop(self._desk, self._mine(run_id))
        if not self.owned.owners(run_id):
            super().delete_run(run_id)

    def rename_run(self, run_id: str, title: str) -> None:
        """Give a run another title at this desk."""
        if not title.strip():
            raise StoreError("The new title is empty; give at least one letter.")
        self.owned.say(self._desk, self._mine(run_id), title=title.strip())

    def annotate_run(self, run_id: str, note: str | None = None, starred: bool | None = None) -> None:
        """Keep this desk's note on a run, or its star."""
        if note is not None and len(note) > MOST_NOTE:
            raise StoreError(f"The note has {len(note):,} letters; give at most {MOST_NOTE:,}.")
        said = {"note": note if note is None else note.strip(), "starred": starred}
        given = {name: value for name, value in said.items() if value is not None}
        self.owned.say(self._desk, self._mine(run_id), **given)

    def names(self, kind: str) -> tuple[str, ...]:
        """The names stored of a kind; of uploads, this desk's."""
        found = super().names(kind)
        if kind not in _OWNED:
            return found
        mine = self.owned.names(self._desk)
        return tuple(name for name in found if name in mine)

    def save_json(self, kind: str, name: str, content: Any) -> None:
        """Store what JSON can hold; what is somebody's is this desk's, if there is room for it."""
        if kind in _OWNED and self._bench.mode.demo:
            self._check_room(len(json.dumps(content)))
        super().save_json(kind, name, content)
        if kind in _OWNED:
            self.owned.mark(self._desk, name)

    def save_arrays(
        self, kind: str, name: str, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, str] | None = None
    ) -> None:
        """Store arrays that this desk brought; where visitors have limits, they are counted as its own."""
        self._check_room(sum(array.nbytes for array in arrays.values()))
        super().save_arrays(kind, name, arrays, meta)
        if self._bench.mode.demo:
            self.owned.mark(self._desk, name)

    def load_json(self, kind: str, name: str) -> Any:
        """What was stored; of uploads, by this desk."""
        return super().load_json(kind, self._mine(name) if kind in _OWNED else name)

    def delete(self, kind: str, name: str) -> None:
        """Refused: what lies here may be others', too."""
        raise StoreError("Desks share this store, so nothing of it is deleted from a page; delete your runs on Runs.")

    def clear(self, kind: str | None = None) -> None:
        """Refused: what lies here may be others', too."""
        raise StoreError("Desks share this store: clear it on the machine that runs it (the command is cache clear).")

    def problems(self) -> tuple[Problem, ...]:
        """None: they are for whoever runs the server."""
        return ()

    def _own(self, manifest: RunManifest) -> RunManifest:
        said = self.owned.said(self._desk, manifest.run_id)
        title = said.title or ("" if manifest.named else manifest.title) or f"{manifest.kind} of {manifest.model}"
        return dataclasses.replace(
            manifest, title=title, note=said.note, starred=said.starred, named=said.title is not None
        )

    def _check_room(self, n_bytes: int) -> None:
        check_room(self._bench, self._desk, n_bytes)

    def _mine(self, name: str) -> str:
        if name not in self.owned.names(self._desk):
            raise StoreError(f"There is no {name!r} at this desk; choose one of the list of runs.")
        return name


class DeskBench(Workbench):
    """The same workbench (models, queues, folder) with a desk's store."""

    def __init__(self, bench: Workbench, desk: str) -> None:
        self.__dict__.update(bench.__dict__)
        self._desk = desk
        self.store = DeskStore(bench, desk)

    def model(self, source: ModelSource, progress: Progress | None = None) -> "ModelHandle":
        """The loaded model. Raises a ModelError or ConfigError."""
        with self._without_paths():
            return super().model(source, progress)

    def dataset(self, name: str) -> Dataset:
        """A dataset; an upload, if it is this desk's. Raises a DatasetError."""
        self._check(name)
        with self._without_paths():
            return super().dataset(name)

    def is_open(self, name: str) -> bool:
        """Whether a dataset is in memory, and this desk may see it."""
        return super().is_open(name) and (not name.startswith(UPLOAD) or name in self.uploads())

    def keep_upload(self, found: Dataset) -> str:
        """Keep what was read of an uploaded file, for this desk; its reference. Raises a DatasetError where the mode
        has no room for it."""
        with self._without_paths():
            if self.mode.demo:
                check_upload(self, self._desk, len(json.dumps(plain_dataset(found))))
            reference = super().keep_upload(found)
        self.store.owned.mark(self._desk, reference)
        return reference

    def submit(self, question: Any, title: str, claim: Claim | None = None) -> str:
        """Start work in the background. Raises a DatasetError for an upload of another desk, and a GoldenLayersError
        for what the mode does not allow or has no room for."""
        self._check(getattr(getattr(question, "choice", None), "dataset", ""))
        with self._without_paths():
            check_question(question, self.mode, self._pasted, self._size)
            check_jobs(self, self._desk)
            check_room(self, self._desk)
            return super().submit(question, title, claim)

    def job(self, job_id: str) -> JobView:
        """The job as it is now."""
        return self._told(super().job(job_id))

    def jobs(self) -> tuple[JobView, ...]:
        """Every job, newest first."""
        return tuple(self._told(job) for job in super().jobs())

    def _told(self, job: JobView) -> JobView:
        return dataclasses.replace(job, error=self.mode.clean(job.error)) if job.error else job

    def _pasted(self, name: str) -> bool:
        return name.startswith(PASTED) and name in self.store.owned.names(self._desk)

    def _size(self, choice: DatasetChoice) -> int:
        return len(part_of(self.dataset(choice.dataset), choice.split))

    @contextmanager
    def _without_paths(self) -> Iterator[None]:
        """What goes wrong is told without the server's folders, where strangers are told."""
        try:
            yield
        except GoldenLayersError as error:
            if (text := self.mode.clean(str(error))) == str(error):
                raise
            raise type(error)(text) from None

    def _check(self, name: str) -> None:
        if name.startswith(UPLOAD) and name not in self.uploads():
            raise DatasetError("This uploaded dataset is not at this desk; upload the file here.")
