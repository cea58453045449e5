"""What of an address is here: its model, its dataset, its run. What is not becomes a notice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from goldenlayers_core.datasets import catalogue
from goldenlayers_core.errors import ConfigError, GoldenLayersError
from goldenlayers_core.places import is_path
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, address
from goldenlayers_core.tasks.manifest import model_of
from goldenlayers_core.tasks.questions import SweepQuestion
from pages._shared import cached, jobs, link_notice, session
from pages._shared.link_notice import Notice

_DATASET: Final = "pages/dataset.py"
_MODEL: Final = "pages/model.py"
_SCORED: Final = {
    "lga": "LGA",
    "edit-aware": "edit-aware analysis",
    "line-check": "the line check",
    "damage": "the damage to general text",
}
_WHO: Final = "ask whoever sent the link for the run's report"


def run(run_id: str) -> RunManifest | None:
    """A run of this store; None where it is not here."""
    return next((m for m in cached.workbench().store.runs() if m.run_id == run_id), None)


def model(text: str) -> ModelSource | None:
    """The model an address names, as this machine has it; else None and a notice."""
    try:
        found = address.model_from(text, _models())
    except ConfigError as error:
        link_notice.put("model", Notice(str(error), "Choose a model", page=_MODEL))
        return None
    try:
        if found is not None:
            cached.workbench().mode.check_model(found)
    except GoldenLayersError as error:
        link_notice.put("model", Notice(str(error), "Choose a model", page=_MODEL))
        return None
    if found is None:
        name = text.split(address.BETWEEN)[-1]
        link_notice.put(
            "model",
            Notice(
                f"The model {name} is a folder or file of the machine the link was made on, and was never loaded here; "
                "load it from where it lies on this machine.",
                "Choose a model",
                page=_MODEL,
            ),
        )
    return found


def is_loaded(source: ModelSource) -> bool:
    """Whether a model is in this machine's memory."""
    return cached.workbench().loaded(source) is not None


def load(source: ModelSource) -> None:
    """Start loading a model; it becomes the session's when it is there."""
    jobs.submit_model(source)


def _models() -> list[ModelSource]:
    bench = cached.workbench()
    asked = (model_of(m) for m in bench.store.runs())
    here = (ModelSource(local.source) for local in bench.models_here())
    return [session.model(), *here, *(found for found in asked if found is not None)]


def dataset(text: str) -> DatasetChoice | None:
    """The part of a dataset an address names, where it can be opened; else None and a notice."""
    try:
        found = address.dataset_from(text, _files())
    except ConfigError as error:
        link_notice.put("dataset", Notice(str(error), "Choose a dataset", page=_DATASET))
        return None
    problem = _no_file(text) if found is None else closed(found.dataset)
    if problem:
        link_notice.put("dataset", Notice(problem, "Choose a dataset", page=_DATASET))
        return None
    assert found is not None
    return found


def _files() -> list[str]:
    named = [str(m.part("choice").get("dataset", "")) for m in cached.workbench().store.runs()]
    return [session.choice().dataset, *named]


def _no_file(text: str) -> str:
    name = text.split(address.BETWEEN)[1]
    return (
        f"The dataset {name} is a file of the machine the link was made on, and no run of this store was made of it; "
        "upload the file here, on the page Dataset."
    )


def closed(name: str) -> str:
    """Why a dataset cannot be opened at once, in one sentence; "" where it can."""
    bench = cached.workbench()
    try:
        bench.mode.check_dataset(name)
    except GoldenLayersError as error:
        return str(error)
    if name.startswith("upload-"):
        gone = f"The uploaded dataset {name[:15]}… is not in this store; upload the file here, on the page Dataset."
        return "" if name in bench.uploads() else gone
    if is_path(name):
        return "" if Path(name).is_file() else f"The file {Path(name).name} of the link's dataset is no longer there."
    entry = next((entry for entry in catalogue() if entry.name == name), None)
    if entry is None:
        return f"No dataset is called “{name}” here; choose one on the page Dataset."
    if entry.where == "bundled" or bench.is_open(name):
        return ""
    return (
        f"The dataset {entry.title} is on the Hugging Face hub and was not fetched yet; fetch it on the page Dataset."
    )


def missing_run(page: str, run_id: str, asked: dict[str, str], started: Callable[[], None]) -> None:
    """A notice about a run that is not in this store; with the way to compute it, where the address says what it is.

    `started` is called when a person has it computed.
    """
    gone = f"The run {run_id} is not in this store"
    if page == "edit":
        text = f"{gone}; the form below is as it was when the link was made, so that it can be made here."
        link_notice.put("run", Notice(text))
        return
    kind = "score" if page == "layer_scores" else "sweep"
    if any(m.kind == kind for m in cached.workbench().store.runs()):
        gone += ", and what is shown below is another one"
    try:
        question = _question(page, asked)
    except GoldenLayersError as error:
        link_notice.put("run", Notice(f"{gone}. It cannot be computed here: {error}"))
        return
    if question is None:
        link_notice.put("run", Notice(f"{gone}. The address does not say enough to compute it; {_WHO}."))
        return
    verb = {"score": "Score it here", "sweep": "Sweep it here"}[kind]

    def start() -> None:
        started()
        jobs.submit(kind, question, f"{verb.split()[0]} {question.choice.words}")

    how = f"a sweep of {question.method.upper()} edits" if kind == "sweep" else _SCORED[question.method]
    source = "the bundled model" if question.model.source == "bundled" else address.model_text(question.model)
    text = f"{gone}. The missing one was {how} of {question.choice.words}, on {source}, and can be computed here."
    link_notice.put("run", Notice(text, verb, start))


def _question(page: str, asked: dict[str, str]) -> ScoreQuestion | SweepQuestion | None:
    """What the run was of; None where the address does not say it, or where its dataset or model is not here."""
    if not (asked.get("model") and asked.get("dataset")):
        return None
    source, choice = model(asked["model"]), dataset(asked["dataset"])
    if source is None or choice is None:
        return None
    settings: dict[str, Any] = address.settings_from(asked.get("settings", ""))
    make: Any = address.score_question if page == "layer_scores" else address.sweep_question
    question: ScoreQuestion | SweepQuestion = make(source, choice, asked.get("method", ""), settings)
    return question
