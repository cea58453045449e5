"""One's own fact at every layer: edited at each in turn in the background, then looked at layer by layer."""

from collections.abc import Callable
from typing import Any, Final

import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.figures.text import percent, shorten
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.edit.fact_layers import FactLayers
from goldenlayers_core.tasks.edit.stored_layers import known_layers, layers_name
from goldenlayers_core.tasks.questions import FactLayersQuestion
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.truth.cost import price
from pages._edit import parts
from pages._edit.stacks import Look
from pages._shared import cached, jobs, session, show
from pages._shared.wording import count, duration, escape

_AT: Final = "own-layers-at"
_SLOT: Final = "fact-layers"


def section(
    look: Look,
    request: EditRequest,
    method: str,
    settings: dict[str, Any],
    edited: int,
    edit_at: Callable[[int], None],
) -> None:
    """What is measured of the fact, and the way to the rest; `edit_at` makes the edit of a layer for the stack."""
    name = layers_name(look.card.fingerprint, look.card.dtype, request, method, settings)
    jobs.follow(_SLOT)
    found = known_layers(cached.workbench().store, name, look.card.n_layers)
    _start(look, request, method, settings, found)
    if found is None or not found.reports:
        return
    wanted = st.session_state.get(_AT, edited)
    st.session_state[_AT] = wanted if wanted in found.layers else found.best[0]
    _looked_at(found, name, edit_at)


def _start(look: Look, request: EditRequest, method: str, settings: dict[str, Any], found: FactLayers | None) -> None:
    """The button that measures what is missing; nothing where nothing is."""
    missing = len(found.missing) if found is not None else look.card.n_layers
    if not missing:
        return
    fact = f"{shorten(request.subject or request.prompt, 40)} → {shorten(request.target_new, 24)}"
    all_ = found is None
    label = f"Write it into every layer in turn ({missing})" if all_ else f"Measure the other {count(missing, 'layer')}"
    question = FactLayersQuestion(session.model(), plain(request), method, settings)
    st.button(
        label,
        type="primary",
        key="own-layers-start",
        icon=":material/stacks:",
        disabled=jobs.busy(_SLOT),
        on_click=jobs.attempt,
        args=(jobs.submit, _SLOT, question, f"{fact} at every layer"),
    )
    fact = f"{shorten(request.prompt, 90)} {shorten(request.target_new, 24)}"
    cost = price(cached.workbench().store, look.card.fingerprint, method)
    st.caption(
        escape(
            f"{count(missing, 'edit')} of “{fact}”, each into the unedited model, every probe asked: about "
            f"{duration(cost.seconds_per_edit * missing)} ({cost.source}). Each layer is kept as soon as it is done."
        )
    )


@st.fragment
def _looked_at(found: FactLayers, name: str, edit_at: Callable[[int], None]) -> None:
    """Panels, bars and answers, which follow the slider."""
    layer = int(st.session_state[_AT])
    if len(found.layers) > 1:
        layer = int(
            st.select_slider("Layer to look at", found.layers, key=_AT, help="Drag it, or step with the arrow keys.")
        )
    report = found.at(layer)
    assert report is not None
    dark = session.dark()
    panels, bars = st.columns([3, 2], gap="medium")
    with panels:
        show.figure(
            figures.fact_panels(found, layer, dark), f"own-layers-{name[:12]}", cached.once(FactLayers.to_frame, found)
        )
    with bars:
        show.figure(figures.fact_tokens(found, layer, dark), f"own-tokens-{name[:12]}", report.tokens_frame())
    button, busy = f"Edit at layer {layer}", jobs.busy("edit")
    if st.button(button, key="own-layers-edit", icon=":material/edit:", disabled=busy):
        edit_at(layer)
    _said(report)


def _said(report: EditReport) -> None:
    st.markdown(f"**At layer {report.layer}:** {escape(report.verdict)}")
    parts.probes(report, "own-layers")
    st.caption(f"Weight change {percent(report.weight_change)}; on the unedited model, whatever the stack holds.")
