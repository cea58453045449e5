"""The golden-layer card: what was found, how sure it is, and what it does not prove."""

import math

import pandas as pd
import streamlit as st

from goldenlayers_core.figures.text import counted, layer_list, number, percent
from goldenlayers_core.results import LayerScores, Selection
from goldenlayers_core.results.scores.readings import LOSS_WORDS
from goldenlayers_core.tasks.layer_options import early_layer
from pages._shared import advice, cached, edit_link, fold, present_link, report
from pages._shared.wording import duration, escape, precise

NOT_PROVED = (
    "**What this does not prove yet.** No edit was run, and only an edit tells whether it takes and what else it moves."
)
PREDICTED = (
    "**What this does not prove yet.** These are predictions from gradients; no edit was run, and only an edit tells "
    "whether it takes and what else it moves. They are ranked by their mean; no layer is set aside."
)
DAMAGE = (
    "**What this does not prove yet.** No edit was run. This predicts how little an edit would move text that has "
    "nothing to do with it, not whether it takes. Layers are ranked by the mean; none is set aside."
)
CALIBRATED = "The rule's few numbers were fitted to real ROME edits of the bundled model, on facts of its proxy split."
FIRM = 0.5  # stability below which the card warns


def card(scores: LayerScores, selection: Selection, run_id: str) -> None:
    """The card."""
    with st.container(key="golden-layer-card"):
        _numbers(scores, selection)
        _buttons(selection.golden_layer, early_layer(scores.n_layers), run_id)
        if selection.stability < FIRM:
            st.markdown(
                f"**Not stable.** Of {selection.n_resamples:,} resamples of these requests {picked(selection)}. "
                "More requests help."
            )
        st.markdown(_caution(scores, selection, run_id))
        with fold.on_phone("scores-take", "Report, figures, notebook and slides", row="center"):
            report.buttons(run_id, "scores")
            present_link.link(run_id)
        with st.expander("What it was computed from", icon=":material/info:", key="scores-remarks"):
            st.caption(_provenance(scores, selection, run_id))
    skipped(scores)


def _caution(scores: LayerScores, selection: Selection, run_id: str) -> str:
    """What gradients do not prove, and what real edits of this model say of the layer."""
    said = escape(advice.of_scores(scores, selection, run_id))
    if scores.method == "lga":
        return f"{NOT_PROVED} {said}"
    return f"{DAMAGE if scores.method == 'damage' else PREDICTED} {said} {CALIBRATED}"


def _buttons(golden: int, early: int, run_id: str) -> None:
    with st.container(horizontal=True):
        of = edit_link.made(cached.workbench().store.manifest(run_id))
        edit_link.button(f"Edit {{}}at the golden layer {golden}", "edit-golden", of, golden)
        if early != golden:
            edit_link.button(f"Edit {{}}at the early layer {early}", "edit-early", of, early)


def _numbers(scores: LayerScores, selection: Selection) -> None:
    golden, summed = selection.golden_layer, selection.by == "sum"
    with st.container(horizontal=True, gap="large", key="golden-layer-numbers"):
        st.metric(
            "Golden layer",
            str(golden),
            width="content",
            help="The layer with the largest summed score among those inside the Tukey fences; 0 is the first block."
            if summed
            else "The layer with the best mean prediction; 0 is the first block.",
        )
        (_damage if scores.method == "damage" else _score)(scores, selection)
        st.metric(
            "Stability",
            percent(selection.stability),
            width="content",
            help=f"Share of {selection.n_resamples:,} bootstrap resamples of the requests (seed {selection.seed}) that "
            f"pick layer {golden} again. {_rivals(selection)}",
        )
        st.metric(
            "Requests",
            f"{scores.n_requests:,}" + (f" of {scores.n_requests + len(scores.skipped):,}" if scores.skipped else ""),
            width="content",
            help="Requests with a score; the others were skipped, and their reasons are listed below the card.",
        )
        st.metric(
            "Time",
            duration(scores.seconds),
            width="content",
            help=f"{counted(scores.n_computed, 'request')} computed in {precise(scores.seconds)} ({scores.n_tokens:,} "
            f"tokens through the model); {scores.n_requests - scores.n_computed:,} came from the store.",
        )


def _score(scores: LayerScores, selection: Selection) -> None:
    """The golden layer's sum, or its mean predicted score."""
    golden, summed = selection.golden_layer, selection.by == "sum"
    low, high = selection.interval[golden]
    st.metric(
        "Summed score S" if summed else "Predicted score",
        number(float(selection.totals[golden]), 3 if summed else 2),
        width="content",
        help=(
            f"Sum of the layer score over {counted(scores.n_requests, 'request')}, in nats² per squared unit of weight."
            if summed
            else f"Mean over {counted(scores.n_requests, 'request')} of what an edit at this layer is predicted to "
            "score, 0 to 1."
        )
        + f" 95 % bootstrap interval: {number(low, 3 if summed else 2)} to {number(high, 3 if summed else 2)}.",
    )


def _damage(scores: LayerScores, selection: Selection) -> None:
    """The golden layer's damage, in nats."""
    mean, ends = selection.totals[selection.golden_layer], selection.interval[selection.golden_layer]
    least, most = (number(math.exp(-end), 2) for end in reversed(ends))
    st.metric(
        "Damage, nats per token",
        number(math.exp(-mean), 2),
        width="content",
        help=f"Geometric mean over {counted(scores.n_requests, 'request')} of what the edit that a request needs is "
        f"predicted to cost text of the model's own, at this layer. 95 % bootstrap interval: {least} to {most}.",
    )


def picked(selection: Selection) -> str:
    """The layers that resamples pick, the most often picked first; the golden layer among them wherever it comes."""
    order = _by_share(selection)
    named = order[:3] if selection.golden_layer in order[:3] else [*order[:2], selection.golden_layer]
    first, *others = [layer for layer in named if selection.pick_share[layer] > 0 or layer == selection.golden_layer]
    words = [f"{percent(float(selection.pick_share[first]))} pick layer {first}"]
    return ", ".join(words + [f"{percent(float(selection.pick_share[layer]))} layer {layer}" for layer in others])


def _by_share(selection: Selection) -> list[int]:
    return sorted(range(len(selection.pick_share)), key=lambda layer: -selection.pick_share[layer])


def _rivals(selection: Selection) -> str:
    """The layers that the other resamples pick."""
    order = _by_share(selection)
    others = [layer for layer in order if layer != selection.golden_layer and selection.pick_share[layer] > 0][:3]
    if not others:
        return "No resample picks another layer."
    first = "More often" if selection.pick_share[others[0]] > selection.stability else "Next"
    named = ", ".join(f"layer {layer} ({percent(float(selection.pick_share[layer]))})" for layer in others)
    return f"{first}: {named}."


def _provenance(scores: LayerScores, selection: Selection, run_id: str) -> str:
    about = scores.provenance
    aside = f"set aside: {layer_list(selection.outliers)}" if selection.outliers else "no layer set aside"
    fences = f"{aside} (k = {selection.fence_factor:g})" if selection.by == "sum" else "ranked by the mean, no fences"
    lga = scores.method == "lga"
    loss = LOSS_WORDS.get(scores.loss_on, "")
    of_lga = f"{loss}, scope {scores.scope}, old answer from the {scores.old_answer}"
    how = of_lga if lga else f"{scores.method}, MLP output"
    how += f", edits with the key covariance of {scores.covariance}" if scores.covariance else ""
    stored = scores.n_requests - scores.n_computed
    parts = (
        f"{scores.n_computed:,} computed, {stored:,} from the store; {scores.n_tokens:,} tokens",
        fences,
        f"{scores.model} on {about.get('device', '?')}, {about.get('dtype', '?')}",
        f"precision {about.get('precision', 'model')}, {how}",
        f"{scores.dataset}",
        f"torch {about.get('torch', '?')}",
        run_id,
    )
    return escape(" · ".join(parts))


def skipped(scores: LayerScores) -> None:
    """The requests without a score, each with its reason."""
    if not scores.skipped:
        return
    with st.expander(f"{counted(len(scores.skipped), 'request')} skipped, and why", icon=":material/rule:"):
        st.dataframe(
            pd.DataFrame(scores.skipped, columns=["case", "reason"]),
            width="stretch",
            hide_index=True,
            key="scores-skipped",
        )
