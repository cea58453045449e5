"""The only `st.cache_*` in the house. Keys are digests and ids, never frames.

Results are frozen, so every session reads the same object; that is also how `once` knows them again.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import streamlit as st

from goldenlayers_core.errors import StoreError
from goldenlayers_core.records import Dataset, EditRequest, ModelSource
from goldenlayers_core.results import (
    EditReport,
    LayerScores,
    SearchResult,
    Selection,
    SweepResult,
    TokenTrace,
    TraceResult,
)
from goldenlayers_core.results.edit.many_edits import ManyEdits
from goldenlayers_core.results.edit.sides import Decoding, SideBySide
from goldenlayers_core.results.edit.stack import EditCard
from goldenlayers_core.results.learn.classroom import Classroom
from goldenlayers_core.results.present.tour import Tour
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks import Workbench, open_workbench
from goldenlayers_core.tasks.apart import DeskBench, desks_apart
from goldenlayers_core.tasks.edit.stored import edit_card as open_card
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.edit.stored_many import open_many
from goldenlayers_core.tasks.kinds import function
from goldenlayers_core.tasks.learn.class_link import Classes
from goldenlayers_core.tasks.learn.stored_classroom import open_classroom, run_name
from goldenlayers_core.tasks.present.stored_tour import open_tour
from goldenlayers_core.tasks.questions import Question
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.scores.stored_trace import open_token_trace, open_trace
from goldenlayers_core.tasks.truth.stored_search import open_search
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep
from goldenlayers_core.tasks.visitors import expire
from goldenlayers_core.tasks.visitors import visit as record_visit
from pages._shared import served
from pages._shared.desk import NAME, Desk, public

S = TypeVar("S")
Q = TypeVar("Q", bound=Question)

if TYPE_CHECKING:
    from goldenlayers_core.results.edit.lens import LensResult
    from goldenlayers_core.results.edit.travel import Travel
    from goldenlayers_core.results.learn.know import Spoken, Wordings
    from goldenlayers_core.results.learn.rank_one import RankOne
    from goldenlayers_core.results.learn.recall import Depth
    from goldenlayers_core.tasks.edit.export import Bundle, ExportCard
    from goldenlayers_core.tasks.present.slide import Slide


@st.cache_resource(show_spinner=False)
def _workbench() -> Workbench:
    """One per process: the store, the models, the job queues."""
    bench = open_workbench(mode=served.mode())
    if bench.mode.demo:
        with suppress(StoreError):  # a disk that refuses is told where something is asked of it
            expire(bench, time.time())
    return bench


def server_workbench() -> Workbench:
    """The workbench as the server sees it, for what looks after it; pages take `workbench`."""
    return _workbench()


def apart() -> bool:
    """Whether desks see only their own on this server."""
    return served.mode().apart(desks_apart(st.get_option("server.address")))


def visit() -> None:
    """This browser's desk is here; what visitors of long ago left is deleted."""
    with suppress(StoreError):
        record_visit(_workbench(), public(st.session_state[NAME]))


def workbench() -> Workbench:
    """The workbench; where desks are apart, as this browser's desk sees it."""
    bench = _workbench()
    return DeskBench(bench, public(st.session_state.get(NAME, ""))) if apart() else bench


@st.cache_resource(show_spinner=False)
def desks() -> OrderedDict[str, Desk]:
    """One per process: what each browser has chosen, by its secret name, so that a reload finds it again."""
    return OrderedDict()


def classes() -> Classes:
    """The classes that are open on this machine, whoever opened them."""
    return Classes(_workbench().root / "classes")


# ---- stored runs, opened once


@st.cache_resource(show_spinner=False, max_entries=64)
def _opened(name: str, run_id: str, created: str, _open: Callable[[Store, str], Any]) -> Any:
    return _open(workbench().store, run_id)


def _stored(open_run: Callable[[Store, str], S], run_id: str) -> S:
    """What `open_run` makes of a stored run, once; anew where the run was written anew."""
    found: S = _opened(f"{open_run.__module__}.{open_run.__qualname__}", run_id, manifest_created(run_id), open_run)
    return found


def asked(kind: type[Q], run_id: str) -> Q:
    """What a stored run was asked. Raises StoreError when it is gone, or cannot be understood: then it is set aside."""
    return workbench().store.read_manifest(run_id, lambda run: kind.from_params(run.settings))


def scores(run_id: str) -> tuple[LayerScores, Selection]:
    """A stored score run. Raises StoreError when it is gone."""
    return _stored(open_scores, run_id)


def sweep(run_id: str) -> SweepResult:
    """A stored sweep. Raises StoreError when it is gone."""
    return _stored(open_sweep, run_id)


def search(run_id: str) -> SearchResult:
    """A stored budgeted search. Raises StoreError when it is gone."""
    return _stored(open_search, run_id)


def trace(run_id: str) -> TraceResult:
    """A stored causal trace. Raises StoreError when it is gone."""
    return _stored(open_trace, run_id)


def token_trace(name: str) -> TokenTrace:
    """A stored causal trace of one request; its name says its content. Raises StoreError when it is gone."""
    return _stored(open_token_trace, name)


def report(run_id: str) -> EditReport:
    """A stored edit report. Raises StoreError when it is gone."""
    return _stored(open_report, run_id)


def edit_card(edit_id: str) -> EditCard:
    """A stored edit's card; its id says its content. Raises StoreError when it is gone."""
    return _stored(open_card, edit_id)


def many(run_id: str) -> ManyEdits:
    """Stored many edits. Raises StoreError when they are gone."""
    return _stored(open_many, run_id)


def tour(run_id: str) -> Tour:
    """A stored tour. Raises StoreError when it is gone."""
    return _stored(open_tour, run_id)


@st.cache_resource(show_spinner=False, max_entries=8)
def _slides(run_id: str, newest: str, n_runs: int) -> "tuple[Slide, ...]":
    from goldenlayers_core.tasks.slides import slides as screens_of

    return screens_of(workbench().store, run_id)


def slides(run_id: str) -> "tuple[Slide, ...]":
    """The screens of a stored run; they also tell of the other runs of its model. Raises StoreError."""
    runs = workbench().store.runs()
    return _slides(run_id, runs[0].created if runs else "", len(runs))


@st.cache_data(show_spinner=False, max_entries=16)
def _classroom(root: str, layers: tuple[int, ...], names: tuple[str, ...]) -> Classroom:
    return open_classroom(workbench().store, workbench().root, layers)


def classroom(layers: tuple[int, ...]) -> Classroom:
    """The classroom's stored runs of these planted layers. Raises StoreError when one is gone."""
    root = workbench().root
    return _classroom(str(root), layers, tuple(run_name(layer, root) for layer in layers))


def manifest_created(run_id: str) -> str:
    """When a run was written: a run that is written anew is read anew."""
    try:
        return workbench().store.manifest(run_id).created
    except StoreError:
        return ""


# ---- what a model was asked, once for the same question


@st.cache_data(show_spinner=False, max_entries=256)
def _answer(named: str, arguments: tuple[Any, ...]) -> Any:
    bench = workbench()
    with bench.asked:
        return function(named)(bench, *arguments)


def export_cards(model: ModelSource, edit_ids: tuple[str, ...]) -> "tuple[ExportCard, ...]":
    """Every export format, and whether it can hold these stored edits. Raises a GoldenLayersError."""
    return _answer("edit.export:export_cards", (model, edit_ids))


def export_bundle(model: ModelSource, edit_ids: tuple[str, ...], name: str, notes: tuple[str, ...] = ()) -> "Bundle":
    """Stored edits, with a person's notes on them, as a download in a format. Raises a GoldenLayersError."""
    return _answer("edit.export:bundle", (model, edit_ids, name, notes))


def sides(
    model: ModelSource, stacks: tuple[tuple[str, tuple[str, ...]], ...], prompts: tuple[str, ...], decoding: Decoding
) -> SideBySide:
    """What the unedited model and (name, edit ids) stacks say to the same prompts. Raises a GoldenLayersError."""
    return _answer("edit.sides:side_by_side", (model, stacks, prompts, decoding))


def lens(model: ModelSource, edit_ids: tuple[str, ...], prompt: str, new: str, old: str) -> "LensResult":
    """Old and new target through the layers, without and with stored edits. Raises a GoldenLayersError."""
    return _answer("edit.lens:lens", (model, edit_ids, prompt, new, old))


def travel(model: ModelSource, edit_id: str, prompt: str, at: int | None = None) -> "Travel":
    """What one stored edit changes of every hidden state on a prompt. Raises a GoldenLayersError."""
    return _answer("edit.travel:travel", (model, edit_id, prompt, at))


def spoken(model: ModelSource, prompt: str) -> "Spoken":
    """What the unedited model says to a prompt, token by token. Raises a GoldenLayersError."""
    return _answer("learn.know:speak", (model, prompt))


def wordings(model: ModelSource, request: EditRequest) -> "Wordings":
    """One fact asked in its dataset's wordings. Raises a GoldenLayersError."""
    return _answer("learn.know:ask_in_words", (model, request))


def depth(model: ModelSource, request: EditRequest) -> "Depth":
    """What the unedited model would say after each layer. Raises a GoldenLayersError."""
    return _answer("learn.recall:depth", (model, request))


def rank_one(model: ModelSource, edit_id: str, request: EditRequest) -> "RankOne":
    """A stored ROME edit taken apart. Raises a GoldenLayersError."""
    return _answer("learn.rank_one:take_apart", (model, edit_id, request))


# ---- figures, tables and curves of results, made once

P = ParamSpec("P")


def once(make: Callable[P, S], *arguments: P.args, **named: P.kwargs) -> S:
    """`make(*arguments)`, made once for the same arguments: a figure, a table or a curve of a result on show.

    Plain values are the same when they are equal, anything else while it is the very same object. What is made is
    shared by all sessions and must not be written. Errors are raised anew each time.
    """
    key = tuple(_told(value) for value in (*arguments, *named.values()))
    made, _ = _once(f"{make.__module__}.{make.__qualname__}", (*key, *named), make, (arguments, named))
    return made  # type: ignore[no-any-return]


@st.cache_resource(show_spinner=False, max_entries=128)
def _once(name: str, key: tuple[str, ...], _make: Callable[..., Any], _given: tuple[Any, Any]) -> tuple[Any, Any]:
    arguments, named = _given
    return _make(*arguments, **named), _given  # kept beside it: an object that lives shares its id with no other


def _told(value: object) -> str:
    return repr(value) if value is None or isinstance(value, str | int | float) else f"object {id(value)}"


def dataset(name: str) -> Dataset:
    """A dataset; the workbench remembers it. Raises DatasetError."""
    return workbench().dataset(name)


def by_digest(name: str) -> dict[str, EditRequest]:
    """A dataset's requests by their digests. Raises DatasetError."""
    file = Path(name)
    return _by_digest(name, file.stat().st_mtime_ns if file.is_file() else 0, dataset(name))


@st.cache_resource(show_spinner=False, max_entries=8)
def _by_digest(name: str, changed: int, _dataset: Dataset) -> dict[str, EditRequest]:
    return {request.digest: request for request in _dataset.requests}
