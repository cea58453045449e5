"""From any page to Edit: which request, which layer; from a run on show also its model, its method and its data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NoReturn

import streamlit as st

from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks import ScoreQuestion
from goldenlayers_core.tasks.manifest import model_of
from goldenlayers_core.tasks.recommendation import predicted_covariance
from pages._shared import fold, session

WANTED_LAYER: Final = "edit-wanted-layer"
INPUTS: Final = "edit-inputs"  # the part of Edit in which request, method and layer are chosen
_WANTED_METHOD: Final = "edit-wanted-method"


@dataclass(frozen=True)
class Made:
    """What a run was made of, as far as Edit has a control for it."""

    model: ModelSource | None = None  # None: the session's, as far as is known
    name: str = ""  # of the model
    method: str = ""  # of editing; "" where the run says nothing of it
    settings: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""
    kind: str = ""


def made(run: RunManifest) -> Made:
    """What a run was made of."""
    method, settings = "", dict[str, Any]()
    if run.kind in ("sweep", "search"):
        method, settings = run.word("method", "rome"), run.part("settings")
    elif predicted_covariance(run) == "covariance":  # an edit as it was predicted
        method, settings = "rome", {"covariance": ScoreQuestion.from_params(run.settings).covariance}
    return Made(_other_model(run), run.model, method, settings, run.run_id, run.kind)


def _other_model(run: RunManifest) -> ModelSource | None:
    """The run's model where it is not the session's: other weights under another name."""
    source = model_of(run)
    if source is None or source == session.model() or run.fingerprint == session.fingerprint():
        return None
    return source


def button(
    what: str,
    key: str,
    of: Made,
    layer: int | None = None,
    digest: str | None = None,
    kind: Literal["primary", "secondary"] = "secondary",
) -> None:
    """A button to Edit that takes along exactly what a result on show is of, and says where that changes the session.

    `what` has {} where the name of another model belongs, such as "Edit {}at layer 3".
    """
    other = of.model is not None
    if st.button(
        what.format(f"{of.name} " if other else "").rstrip(),
        type=kind,
        key=key,
        icon=":material/edit:",
        help=f"This makes {of.name} the session's model." if other else None,
    ):
        go(digest, layer, of)


def go(digest: str | None = None, layer: int | None = None, of: Made | None = None) -> NoReturn:
    """Open Edit, with a request of the dataset, a layer, and what a run was made of where they are given."""
    want(digest, layer, of)
    st.switch_page("pages/edit.py")


def want(digest: str | None = None, layer: int | None = None, of: Made | None = None) -> None:
    """What Edit is to open with."""
    of = of or Made()
    if (digest, layer) != (None, None):
        fold.unfold(INPUTS)
    if of.model is not None:
        session.choose_model(of.model)
    if of.kind == "sweep":
        session.show_sweep_run(of.run_id)  # so that Edit knows the dataset, whichever the session has chosen
    elif of.kind == "score":
        session.show_score_run(of.run_id)
    if digest is not None:
        session.open_request(digest)
        st.session_state["edit-source"] = "dataset"
    if layer is not None:
        st.session_state[WANTED_LAYER] = layer
    if of.method:
        st.session_state[_WANTED_METHOD] = (of.method, dict(of.settings))


def take_wanted_layer() -> int | None:
    """The layer another page asked for, once."""
    return st.session_state.pop(WANTED_LAYER, None)


def take_wanted_method() -> tuple[str, dict[str, Any]] | None:
    """The method another page asked for, and those of its settings that differ from its defaults, once."""
    return st.session_state.pop(_WANTED_METHOD, None)
