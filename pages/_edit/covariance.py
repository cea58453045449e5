"""Key covariance: what is stored for this model, the way to estimate it, and what it buys in locality."""

import dataclasses
from typing import Final

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.edit.covariance import condition_marks, covariance_curves
from goldenlayers_core.results.edit.covariance import CovarianceCard
from goldenlayers_core.tasks.corpus import SAMPLES, keep_text
from goldenlayers_core.tasks.questions import CovarianceQuestion, DatasetChoice, SweepQuestion
from goldenlayers_core.tasks.stored_covariance import cards, covariance_gains
from pages._edit.stacks import Look
from pages._shared import cached, jobs, served, session, show
from pages._shared.wording import duration, escape, sentence, when

_OWN: Final = "The model's own samples"
_PASTED: Final = "A text I paste"
_NAMED: Final = "A file or a hub corpus"
_TRIED: Final = (3, 5, 9, 15, 21)


def section(look: Look) -> None:
    """What usual keys look like, estimated once per model, and the difference it makes."""
    st.markdown(
        "A fact is written at one key, and every other key that resembles it moves along. The covariance of usual keys "
        "says which directions text uses, so that an edit can avoid them: MEMIT, EMMET, PMET and AlphaEdit need it, "
        "ROME can use it (its setting Key covariance)."
    )
    stored = cards(cached.workbench().store, look.card.fingerprint)
    _start(bool(stored))
    jobs.follow("covariance")
    if stored:
        _stored(stored)
    _gains(look)


def _start(again: bool) -> None:
    with st.expander("Estimate another one", icon=":material/add:") if again else st.container():
        mode = served.mode()
        kinds = (_OWN, _PASTED) if mode.demo else (_OWN, _PASTED, _NAMED)
        kind = st.radio("From", kinds, key="covariance-from", persist_state="session")
        text = name = ""
        if kind == _PASTED:
            text = st.text_area("Text", key="covariance-text", height=160, persist_state="session")
        elif kind == _NAMED:
            name = st.text_input(
                "File",
                key="covariance-file",
                persist_state="session",
                placeholder="/data/wiki.parquet or hub:owner/name/file.parquet",
                help="Text, Parquet, CSV or JSON lines on this machine, or hub:owner/name/path of a hub dataset.",
            )
        tokens = st.number_input(
            "Tokens",
            1024,
            mode.limits.tokens if mode.demo else 10**7,
            CovarianceQuestion().tokens,
            1024,
            key="covariance-tokens",
            persist_state="session",
        )
        st.caption(
            "All layers in one pass. On the bundled model 10,240 tokens, some seven per direction, take under a minute "
            "on two free cores; nothing is downloaded for the model's own samples."
        )
        pressed = st.button(
            "Estimate the key covariance",
            key="covariance",
            icon=":material/blur_on:",
            disabled=jobs.busy("covariance"),
            type="primary",
        )
    if not pressed:
        return
    try:
        source = SAMPLES if kind == _OWN else keep_text(cached.workbench().store, text) if kind == _PASTED else name
        if not source.strip():
            st.error("Name a file, or choose the model's own samples.", icon=":material/error:")
            return
    except GoldenLayersError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    jobs.submit("covariance", CovarianceQuestion(session.model(), source.strip(), int(tokens)), "Key covariance")
    st.rerun()


def _stored(stored: tuple[CovarianceCard, ...]) -> None:
    names = {card.key: f"{card.words}, {when(card.created)}" for card in stored}
    key = next(iter(names))
    if len(stored) > 1:
        key = st.selectbox("Stored", list(names), format_func=lambda k: names[k], key="covariance-stored")
    card = next(c for c in stored if c.key == key)
    st.caption(
        escape(
            f"{len(card.layers)} layers from {card.words}; shrinkage {card.shrinkage:g}; estimated in "
            f"{duration(card.seconds)}, {when(card.created)}. Edits use the newest of its kind that has their layers."
        )
    )
    show.figure(condition_marks(card, session.dark()), f"covariance-{card.key[:12]}", card.to_frame())


def _gains(look: Look) -> None:
    st.markdown("## What it buys")
    found = covariance_gains(cached.workbench().store, look.card.fingerprint, cached.sweep)
    for gain in found[:3]:
        show.figure(covariance_curves(gain, session.dark()), f"gain-{gain.runs[1][-16:]}", gain.to_frame())
    if found:
        return
    st.caption(
        "No two sweeps in the store differ in the covariance alone. The comparison edits twelve facts the model knows "
        f"at layers {', '.join(map(str, _TRIED))} with ROME, once with the identity and once with the model's own "
        "samples."
    )
    busy = jobs.busy("sweep")
    if st.button("Measure what it buys", key="covariance-gain", icon=":material/compare_arrows:", disabled=busy):
        layers = tuple(layer for layer in _TRIED if layer < look.card.n_layers)
        plain = SweepQuestion(session.model(), DatasetChoice("bundled", "test", 12, True), "rome", layers=layers)
        with_one = dataclasses.replace(plain, settings={"covariance": SAMPLES})
        jobs.submit("", plain, "ROME with the identity")
        jobs.submit("sweep", with_one, "ROME with a key covariance")
        st.rerun()
    jobs.follow("sweep")
