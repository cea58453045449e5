"""The workbench: one store, one pool of models, two job queues. One per process; no session sees another's edits."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goldenlayers_core.datasets import ColumnMapping, open_dataset, read_apart, split_proxy
from goldenlayers_core.errors import ConfigError, DatasetError, NoPartsError, StoreError
from goldenlayers_core.models.available import LocalModel, on_disk
from goldenlayers_core.models.naming import source_title
from goldenlayers_core.places import cache_root
from goldenlayers_core.records import Dataset, EditRequest, ModelSource
from goldenlayers_core.runtime import Claim, JobQueue, JobView, Progress, Store, Worker, now, store_at
from goldenlayers_core.runtime.at_exit import Door
from goldenlayers_core.runtime.attendance import Attendance
from goldenlayers_core.runtime.turns import nobody
from goldenlayers_core.tasks.engine_choice import engine_choice
from goldenlayers_core.tasks.heavy import heavy
from goldenlayers_core.tasks.kinds import Kind, Queue, function
from goldenlayers_core.tasks.mode import LOCAL, Mode
from goldenlayers_core.tasks.model_card import ModelCard, card
from goldenlayers_core.tasks.pool import loaded_beside, release, same_as
from goldenlayers_core.tasks.questions import DatasetChoice, KnowledgeQuestion, Split
from goldenlayers_core.tasks.serial import dataset_from, plain, plain_dataset, restored
from goldenlayers_core.tasks.sparing import sparing

if TYPE_CHECKING:
    from goldenlayers_core.editing import KeyMoments
    from goldenlayers_core.models import ModelHandle
    from goldenlayers_core.tasks.knowledge import KnowledgeCounts

KEPT_MODELS: Final = 2
REST: Final = 5.0  # seconds that the end of the program waits for what pages ask a model
UPLOAD: Final = "upload-"


@dataclass(frozen=True, slots=True)
class UploadCard:
    """What is worth listing of an uploaded dataset."""

    reference: str  # "upload-<digest>"
    name: str  # of the file
    format: str
    n_requests: int
    created: str  # ISO 8601, UTC


class Workbench:
    """Everything the pages and the command line ask for. Thread-safe."""

    def __init__(self, root: Path | None, kinds: Sequence[Kind], mode: Mode = LOCAL) -> None:
        """`root`: the folder of models, store and jobs (None: the cache folder); `kinds`: the work that can be asked
        for; `mode`: what is allowed. Of the demo mode, store and jobs are in a folder of their own."""
        self.mode = mode
        self.root = root or cache_root()
        self.home = self.root / "visitors" if mode.demo else self.root  # of the store and the jobs
        self.store = Store(self.home) if mode.demo else store_at(self.home)
        self._models: OrderedDict[ModelSource, ModelHandle] = OrderedDict()
        self._cards: dict[ModelSource, tuple[ModelHandle, ModelCard]] = {}  # of the models in memory: pages ask often
        self._datasets: OrderedDict[str, Dataset] = OrderedDict()
        self.moments: OrderedDict[tuple[str, float, int], KeyMoments] = OrderedDict()  # see tasks.covariance
        self._lock = threading.RLock()
        self._kinds = {kind.question: kind for kind in kinds}
        self._quick = ("load", *(kind.name for kind in kinds if kind.queue == "quick"))
        self._loader: int | None = None  # the thread that loads a model
        self.models_loaded = self.models_reused = 0  # how often, since this process began
        self.attendance = Attendance(60.0 * mode.away, mode.strangers)
        self.asked = Door(REST)
        jobs, known, here = self.home / "jobs", self._understood, self.attendance
        self.slow = JobQueue(jobs / "slow", self._workers("slow"), self._quick_first, known, attendance=here)
        quick = {"load": self._load_job, **self._workers("quick")}
        self.quick = JobQueue(jobs / "quick", quick, nobody, known, attendance=here)

    def close(self) -> None:
        """Stop the job threads; unfinished jobs can be resumed later."""
        self.slow.close()
        self.quick.close()

    # Models ---------------------------------------------------------------------------------------------------------

    def model(self, source: ModelSource, progress: Progress | None = None) -> "ModelHandle":
        """The loaded model, loading it on the first call; the least recently used of more than two, or of more than
        fit, is let go.

        Raises a ModelError or ConfigError; the models already loaded stay loaded.
        """
        heavy()
        from goldenlayers_core.models import load_model

        self.mode.check_model(source)
        if progress and source not in self._models:
            progress.update(0, 1, f"Loading {source_title(source.source)}")
        with self._lock:
            if source in self._models:
                self._models.move_to_end(source)
                self.models_reused += 1
                return self._models[source]
            load = partial(load_model, source, cache=self.root, progress=progress.update if progress else None)
            self._loader = threading.get_ident()
            try:
                handle = loaded_beside(self._models, self._cards, load)
            finally:
                self._loader = None
            self._models[source] = same_as(self._models, handle)
            self.models_loaded += 1
            while len(self._models) > KEPT_MODELS:
                release(self._models, self._cards)
            return self._models[source]

    def loaded(self, source: ModelSource) -> ModelCard | None:
        """The card of a model that is in memory; None when it is not. Never waits for one that is loading."""
        if (handle := self._models.get(source)) is None:
            return None
        if (known := self._cards.get(source)) is None or known[0] is not handle:
            known = self._cards[source] = (handle, card(handle))
        return known[1]

    def cards(self) -> tuple[ModelCard, ...]:
        """The cards of the models in memory, the one used last at the end."""
        return tuple(card for source in list(self._models) if (card := self.loaded(source)) is not None)

    def models_here(self) -> tuple[LocalModel, ...]:
        """Models that load without a network. Loads none, and no torch."""
        return tuple(found for found in on_disk(self.root) if self.mode.allows_model(found.source))

    # Datasets -------------------------------------------------------------------------------------------------------

    def dataset(self, name: str) -> Dataset:
        """A dataset by catalogue name, file or upload reference. Raises a DatasetError."""
        self.mode.check_dataset(name)
        with self._lock:
            if name in self._datasets:
                return self._datasets[name]
        found = self._open(name)
        if name.startswith(UPLOAD) or not Path(name).exists():  # files may change
            with self._lock:
                self._datasets[name] = found
                while len(self._datasets) > 16:
                    self._datasets.popitem(last=False)
        return found

    def _open(self, name: str) -> Dataset:
        if not name.startswith(UPLOAD):
            return open_dataset(name)
        try:
            return self.store.read_json("datasets", name, dataset_from)
        except StoreError as error:
            raise DatasetError(f"The dataset {name} is no longer in the store; upload the file again.") from error

    def upload(
        self,
        data: bytes,
        name: str,
        mapping: ColumnMapping | None = None,
        language: str = "",
        subjects: Mapping[int, str] | None = None,
    ) -> tuple[str, Dataset]:
        """Read a file's bytes, keep what was read in the store, and return its reference. Raises a DatasetError."""
        found = read_apart(data, name, mapping, language, subjects)
        return self.keep_upload(found), found

    def keep_upload(self, found: Dataset) -> str:
        """Keep what was read of an uploaded file in the store; its reference."""
        reference = f"{UPLOAD}{found.digest}"
        self.store.save_json("datasets", reference, plain_dataset(found))
        label = UploadCard(reference, found.name, found.format, len(found.requests), now())
        self.store.save_json("uploads", reference, plain(label))
        with self._lock:
            self._datasets[reference] = found
        return reference

    def uploads(self) -> tuple[str, ...]:
        """References of the uploaded datasets in the store."""
        return tuple(n for n in self.store.names("datasets") if n.startswith(UPLOAD))

    def upload_cards(self) -> tuple[UploadCard, ...]:
        """The uploaded datasets in the store, the newest first, without reading them; damaged cards are set aside."""
        cards = []
        for name in sorted({*self.store.names("uploads")} & {*self.uploads()}):
            try:
                cards.append(self.store.read_json("uploads", name, partial(restored, UploadCard)))
            except StoreError:
                continue
        return tuple(sorted(cards, key=lambda c: c.created, reverse=True))

    def let_go(self, name: str) -> None:
        """Forget a dataset that is deleted."""
        with self._lock:
            self._datasets.pop(name, None)

    def is_open(self, name: str) -> bool:
        """Whether a dataset is in memory, so that opening it costs nothing and needs no network."""
        return name in self._datasets

    def requests(self, choice: DatasetChoice, model: ModelSource, progress: Progress | None = None) -> Dataset:
        """The dataset cut down to the choice. Raises DatasetError when nothing is left of it."""
        dataset = self.dataset(choice.dataset)
        kept = part_of(dataset, choice.split)
        if choice.known_only and kept:
            from goldenlayers_core.tasks.knowledge import known_part

            progress = progress or Progress()
            kept = known_part(self.store, self.model(model, progress), kept, progress, choice.limit)
        kept = kept[: choice.limit]
        if not kept:
            raise DatasetError(
                f"No request is left of {choice.words}; choose another split, or do not filter by what is known."
            )
        return dataset.subset(kept)

    def knowledge_counts(self, source: ModelSource, requests: Sequence[EditRequest]) -> "KnowledgeCounts | None":
        """How many of the requests the model was found to know; None while the model is not in memory."""
        if (handle := self._models.get(source)) is None:
            return None
        from goldenlayers_core.tasks.knowledge import counts

        return counts(self.store, handle.result_key, requests)

    # Jobs -----------------------------------------------------------------------------------------------------------

    def submit(self, question: Any, title: str, claim: Claim | None = None) -> str:
        """Start work in the background, for `claim` (see tasks.seat; None: a program's); the id of the equal job if one
        is running. A ModelSource loads it. Raises ConfigError for a question that no kind of work answers."""
        if isinstance(question, ModelSource):
            return self.quick.submit("load", title, {"model": plain(question)}, claim)
        kind = self.kind_of(question)
        queue = self.quick if kind.queue == "quick" else self.slow
        return queue.submit(kind.name, title, question.to_params(), claim)

    def kind_of(self, question: Any) -> Kind:
        """The kind of work that answers a question. Raises ConfigError where there is none."""
        if type(question) not in self._kinds:
            raise ConfigError(f"There is no background work for a {type(question).__name__}.")
        return self._kinds[type(question)]

    def queue_of(self, job_id: str) -> JobQueue:
        """The queue a job belongs to."""
        return self.quick if job_id.startswith(tuple(f"{name}-" for name in self._quick)) else self.slow

    def job(self, job_id: str) -> JobView:
        """The job as it is now. Raises StoreError for an unknown id."""
        return self.queue_of(job_id).view(job_id)

    def jobs(self) -> tuple[JobView, ...]:
        """Every job of this cache folder, newest first."""
        return tuple(sorted((*self.slow.jobs(), *self.quick.jobs()), key=lambda j: j.created, reverse=True))

    def _quick_first(self) -> bool:
        """Whether slow work gives way now. Never while it holds what quick work may wait for: a model it loads."""
        return self.quick.busy and self._loader != threading.get_ident()

    def _workers(self, queue: Queue) -> dict[str, Worker]:
        return {kind.name: self._worker(kind) for kind in self._kinds.values() if kind.queue == queue}

    def _worker(self, kind: Kind) -> Worker:
        def run(params: Mapping[str, Any], progress: Progress) -> str:
            heavy()
            work, question = function(kind.work), kind.question.from_params(params)
            if kind.parts and engine_choice(self.store).engine != "local":
                with suppress(NoPartsError):  # such work is one process's
                    return str(function("crew:answered")(self, question, progress))
            return str(sparing(lambda told: work(self, question, told), progress))

        return run

    def _understood(self, kind: str, params: Mapping[str, Any]) -> None:
        """Raises what reading the params of a stored job raises, where they are none of this version's."""
        if kind == "load":
            restored(ModelSource, params["model"])
        for known in (known for known in self._kinds.values() if known.name == kind):
            known.question.from_params(params)

    def _load_job(self, params: Mapping[str, Any], progress: Progress) -> str:
        handle = self.model(restored(ModelSource, params["model"]), progress)
        return handle.fingerprint


def know(bench: Workbench, question: KnowledgeQuestion, progress: Progress) -> str:
    """Ask the model every request of a choice; returns the key of the stored answers."""
    from goldenlayers_core.tasks.knowledge import what_is_known

    requests = bench.requests(question.choice, question.model, progress).requests
    handle = bench.model(question.model, progress)
    what_is_known(bench.store, handle, requests, progress)
    return handle.result_key


def part_of(dataset: Dataset, split: Split) -> tuple[EditRequest, ...]:
    """The requests of a split. Where the dataset names none, `split_proxy` divides it. Raises DatasetError."""
    if split == "all":
        return dataset.requests
    return split_proxy(dataset)[split != "proxy"].requests
