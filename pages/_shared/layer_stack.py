"""The session's model as a stack of layers, the same on every page: what chose which, and where an edit stands."""

import streamlit as st

from goldenlayers_core.figures.layer_stack import layer_stack
from goldenlayers_core.results.layer_stack import LayerStack
from goldenlayers_core.results.truth.measured import Covariance, MethodUsed
from goldenlayers_core.tasks.layer_stack import stack_of
from pages._shared import advice, cached, session, show


def draw(place: str, edited: tuple[int, ...] = (), used: MethodUsed | None = None) -> None:
    """The diagram of the session's model; nothing while no model is in memory. `place` names the page."""
    card = session.card()
    if card is None:
        return
    wanted, data = used or session.method(), session.choice().dataset
    known = advice.known_of(card.fingerprint)
    facts = (card.name, card.fingerprint, card.n_layers, card.model_type)
    found = cached.once(_stack, *facts, wanted.method, wanted.covariance, data, edited, known)
    with st.container(key=f"layer-stack-{place}"):
        drawn = layer_stack(found, session.dark())
        show.figure(drawn, f"layer-stack-{place}", found.to_frame(), heading=False)


def _stack(
    name: str,
    fingerprint: str,
    n_layers: int,
    model_type: str,
    method: str,
    covariance: Covariance,
    data: str,
    edited: tuple[int, ...],
    _known: str,
) -> LayerStack:
    used, store = MethodUsed(method, covariance), cached.workbench().store
    return stack_of(store, name, fingerprint, n_layers, used, data, edited, model_type)
