"""A model as a stack of layers, the same on every page: what chose which, and where an edit stands."""

import streamlit as st

from goldenlayers_core.figures.layer_stack import layer_stack
from goldenlayers_core.results import LayerScores, SweepResult
from goldenlayers_core.results.layer_stack import LayerStack
from goldenlayers_core.results.truth.measured import Covariance, MethodUsed
from goldenlayers_core.tasks.layer_stack import stack_of
from goldenlayers_core.tasks.present.stack import family_known
from pages._shared import advice, cached, session, show


def draw(
    place: str,
    edited: tuple[int, ...] = (),
    used: MethodUsed | None = None,
    of: LayerScores | SweepResult | None = None,
    data: str = "",
) -> None:
    """The diagram of the model that the result on show is `of`; without one of the session's, as soon as it is in
    memory. `place` names the page; `used` and `data` are another method and other data than the session's."""
    facts = _facts(of)
    if facts is None:
        return
    wanted, about = used or session.method(), data or session.choice().dataset
    found = cached.once(_stack, *facts, wanted.method, wanted.covariance, about, edited, advice.known_of(facts[1]))
    with st.container(key=f"layer-stack-{place}"):
        drawn = layer_stack(found, session.dark())
        show.figure(drawn, f"layer-stack-{place}", found.to_frame(), heading=False)


def _facts(of: LayerScores | SweepResult | None) -> tuple[str, str, int, str] | None:
    """Name, fingerprint, number of layers and model type; None while they are not known."""
    card = session.card()
    if of is None or (card is not None and card.fingerprint == of.fingerprint):
        return (card.name, card.fingerprint, card.n_layers, card.model_type) if card else None
    family = cached.once(_family, of.fingerprint, advice.known_of(of.fingerprint))
    return of.model, of.fingerprint, of.n_layers, family


def _family(fingerprint: str, _known: str) -> str:
    return family_known(cached.workbench().store, fingerprint)


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
