"""Lesson 4: why the layer matters. A scrubber over a real sweep."""

from typing import Final

import pandas as pd
import streamlit as st

from goldenlayers_core.figures.learn.layer import layer_rates
from goldenlayers_core.figures.text import percent
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results import SweepResult
from goldenlayers_core.results.learn.probe_texts import ProbeTexts
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks.learn.layer import MOSTLY, apart, questions, texts_of, texts_question
from goldenlayers_core.tasks.learn.wrong import telling_edit
from goldenlayers_core.tasks.truth.cost import price
from pages._learn import answers, fact, lesson, stored_sweep, work
from pages._shared import cached, fold, jobs, session, show
from pages._shared.wording import count, duration

NAME: Final = "layer"
AT: Final = "lesson-layer-at"
_SLOT: Final = "probe-texts"
_KINDS: Final = (("rephrase", "of its rephrases get the new answer"), ("locality", "of its neighbours keep theirs"))


def section() -> None:
    """Asks where edits take and where neighbours stay, then lets the learner drag through every layer."""
    lesson.intro(NAME)
    found = stored_sweep.on_show(NAME)
    if found is None:
        return
    run, sweep = found
    revealed = _asked(sweep, run.run_id)
    lesson.text(NAME, "scrub")
    index = fact.of_run(
        "Fact",
        "lesson-layer-request",
        sweep.request_digests,
        lambda q: fact.words(q, sweep.prompts[q], sweep.targets_true[q], sweep.targets_new[q]),
        telling_edit(sweep)[0],
    )
    digest = sweep.request_digests[index]
    texts = texts_of(cached.workbench().store, sweep, digest)
    if texts is None:
        _offer_texts(run, sweep, digest)
    _scrubber(sweep, index, texts, revealed)
    if revealed:
        _taken_away(sweep)
        with fold.on_phone("lesson-layer-limits", "What this does not say"):
            lesson.text(NAME, "limits", method=sweep.method.upper(), n=sweep.n_requests)
    lesson.links(
        stored_sweep.link_to_truth("Open this sweep here", run.run_id, digest, _layer(sweep)),
        stored_sweep.link_to_edit("Edit this fact at this layer", run.run_id, digest, _layer(sweep)),
    )


def _taken_away(sweep: SweepResult) -> None:
    """What the layers differ in, in numbers."""
    found = apart(sweep)
    lesson.text(NAME, "after", taking=found.taking, layers=found.n_layers, share=percent(MOSTLY))
    if found.least and found.most:
        (worst, least), (best, most) = found.least, found.most
        values = {"worst": worst, "least": percent(least), "best": best, "most": percent(most)}
        lesson.text(NAME, "neighbours", golden=sweep.golden_layer, elsewhere=found.elsewhere, **values)


def _asked(sweep: SweepResult, run_id: str) -> bool:
    """The questions side by side; whether all were revealed."""
    asked = questions(sweep, run_id)
    revealed = []
    for column, question in zip(st.columns(max(len(asked), 1)), asked, strict=False):
        with column:
            revealed.append(lesson.predict(NAME, question))
    return all(revealed)


def _layer(sweep: SweepResult) -> int:
    """The layer under the slider."""
    layer = st.session_state.get(AT)
    return int(layer) if layer in sweep.layers else sweep.layers[0]


@st.fragment
def _scrubber(sweep: SweepResult, index: int, texts: ProbeTexts | None, revealed: bool) -> None:
    """Slider, answers, curve: only this runs anew while the learner drags."""
    st.session_state[AT] = _layer(sweep)
    layer = int(
        st.select_slider(
            "Layer edited",
            sweep.layers,
            key=AT,
            persist_state="session",
            help="Drag it, or step with the arrow keys.",
        )
    )
    answers.cards(_said(sweep, index, layer, texts), f"after the edit at layer {layer}")
    if revealed:
        means = {name: sweep.mean(name) for name in ("score", "rewrite", "rephrase", "locality", "portability")}
        table = pd.DataFrame({"layer": sweep.layers, **means})
        show.figure(layer_rates(sweep, layer, session.dark()), "lesson-layer-rates", table)
    else:
        with st.container(border=True):
            lesson.text(NAME, "locked", n=sweep.n_requests)


def _said(sweep: SweepResult, index: int, layer: int, texts: ProbeTexts | None) -> list[answers.Said]:
    """The texts where they were read, else the rewrite's text and the shares of the others."""
    read = texts.at(layer) if texts else None
    if read is not None:
        return [answers.Said(probe.kind, probe.prompt, probe.before, text, hit) for probe, text, hit in read]
    place = sweep.layers.index(layer)
    took = float(sweep.of("rewrite")[index, place]) >= 1
    found = [
        answers.Said("rewrite", sweep.prompts[index], sweep.answers_before[index], sweep.answers[index][place], took)
    ]
    for kind, words in _KINDS:
        share = float(sweep.of(kind)[index, place])
        if not pd.isna(share):
            found.append(answers.Said(kind, "", "", f"{percent(share)} {words}", None))
    return found


def _offer_texts(run: RunManifest, sweep: SweepResult, digest: str) -> None:
    """One button that reads the texts of the open request."""
    job = jobs.follow(_SLOT)
    request = stored_sweep.request_of(run, digest)
    if request is None:
        st.caption("The dataset of this sweep is no longer here, so no further text can be read.")
    elif job is None or not job.active:
        with st.expander("Read what it says to a rephrase and to a neighbour, too", icon=":material/text_snippet:"):
            _texts_button(sweep, request)


def _texts_button(sweep: SweepResult, request: EditRequest) -> None:
    lesson.text(NAME, "texts")
    if lesson.model() is None:
        return
    asked = texts_question(session.model(), sweep, request)
    seconds = price(cached.workbench().store, sweep.fingerprint, sweep.method).seconds_per_edit * len(sweep.layers)
    title = f"Reading the probes of {request.subject}"
    work.button(_SLOT, "lesson-texts", "Make the edits and read", asked, title, primary=False)
    st.caption(f"{count(len(sweep.layers), 'edit')} of this one fact, about {duration(seconds)}.")
