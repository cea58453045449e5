"""The parts of what an edit did: before and after, every probe, and what it cost."""

import math
from html import escape as html

import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.text import number, percent, shorten
from goldenlayers_core.records import PROBE_KINDS
from goldenlayers_core.results import EditReport, ProbeOutcome, View
from goldenlayers_core.results.edit.stack import EditCard
from goldenlayers_core.results.formats import spaced
from pages._edit import stacks
from pages._shared import cached, session, show
from pages._shared.wording import escape, precise

MOST_PROBES = 60
KIND_WORDS = {
    "rewrite": "the prompt itself; wished: the new answer",
    "rephrase": "the same fact in other words; wished: the new answer",
    "locality": "another fact; wished: the same answer as before",
    "portability": "what follows from the new fact; wished: its own new answer",
}


def where(report: EditReport) -> str:
    """The layers of an edit in words; its method, where it has none."""
    card = card_of(report)
    if card is not None and not card.layers:
        return report.method.upper()
    layers = card.layers if card is not None else (report.layer,)
    return f"layer {layers[0]}" if len(layers) == 1 else f"layers {', '.join(map(str, layers))}"


def made(report: EditReport) -> str:
    """The method, where it wrote and why there: "ROME at layer 5 (chosen by hand)"."""
    place, method = where(report), report.method.upper()
    return (
        f"{method}, which needs no layer"
        if place == method
        else f"{method} at {place} ({spaced(report.layer_evidence)})"
    )


def card_of(report: EditReport) -> EditCard | None:
    """The card of the edit that was measured; None where it is no longer stored."""
    try:
        return cached.edit_card(report.edit_id)
    except GoldenLayersError:
        return None


def before_and_after(report: EditReport) -> None:
    """The two answers side by side, with the probabilities of the old and the new target."""
    sides = st.columns(2)
    for side, title, view in ((sides[0], "Before", report.before), (sides[1], "After", report.after)):
        with side.container(border=True, key=f"edit-{title.lower()}"):
            st.markdown(f"**{title}**" + ("" if title == "Before" else f", with the edit at {where(report)}"))
            st.html(
                f'<p class="gl-answer"><span class="gl-quiet-text">{html(report.prompt)}</span> '
                f"<strong>{html(view.answer) or '(nothing)'}</strong></p>"
            )
            _probabilities(report, view)
    st.caption(
        "Greedy text up to the first line break. P is the probability of the whole answer after the prompt, the "
        "product over its tokens."
    )


def _probabilities(report: EditReport, view: View) -> None:
    with st.container(horizontal=True, gap="medium"):
        for label, target, probability in (
            ("new", report.target_new, view.target_new_probability),
            ("old", report.target_true, view.target_true_probability),
        ):
            st.metric(
                f"P({label}: {escape(shorten(target or 'none', 24))})",
                percent(probability) if math.isfinite(probability) else "not asked",
                width="content",
                help=f"Probability that the model goes on with the {label} answer: {number(probability)}.",
            )


def tokens(run_id: str, report: EditReport) -> None:
    """The ten likeliest next tokens."""
    drawn = figures.top_tokens(report.before, report.after, session.dark())
    show.figure(drawn, f"tokens-{run_id}", report.tokens_frame())


def changes(run_id: str, report: EditReport) -> None:
    """Every probe's probability, before and after."""
    show.figure(figures.probe_changes(report, session.dark()), f"probes-{run_id}", report.to_frame())


def probes(report: EditReport) -> None:
    """Every probe in words: what came out, before and after, and how probable the two answers are."""
    order = {kind: place for place, kind in enumerate(PROBE_KINDS)}
    ordered = sorted(report.outcomes, key=lambda outcome: order[outcome.kind])
    heads = ("as wished", "kind", "prompt", "expected", "before", "after", "P(new)", "P(old)")
    rows = "".join(_probe_row(outcome) for outcome in ordered[:MOST_PROBES])
    st.html(
        "<div class='gl-scroll'><table class='gl-table'><thead><tr>"
        + "".join(f"<th>{head}</th>" for head in heads)
        + f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    if len(ordered) > MOST_PROBES:
        st.caption(f"The first {MOST_PROBES} of {len(ordered)} probes; all of them are in the table under the figure.")
    lines = (
        f"{kind}: {good} of {total} as wished ({KIND_WORDS[kind]})" for kind, (good, total) in report.rates().items()
    )
    st.caption("  \n".join(map(escape, lines)))
    st.caption(
        "Answers are greedy text. P: probability of the whole new and of the whole old answer, before → after the edit."
    )


def _probe_row(outcome: ProbeOutcome) -> str:
    look, words = ("gl-yes", "✓ yes") if outcome.success else ("gl-no", "✗ no")
    name = f"<br><span class='gl-quiet'>{html(outcome.name)}</span>" if outcome.name else ""
    before, after = outcome.before, outcome.after
    expected = html(shorten(" or ".join(outcome.answers), 80)) or "<span class='gl-quiet'>as before</span>"
    cells = (
        f"<td class='{look}'>{words}</td>",
        f"<td class='gl-word'>{outcome.kind}{name}</td>",
        f"<td class='gl-wide'>{html(shorten(outcome.prompt, 300))}</td>",
        f"<td>{expected}</td>",
        f"<td class='gl-wide'>{html(shorten(before.answer, 120))}</td>",
        f"<td class='gl-wide'><strong>{html(shorten(after.answer, 120))}</strong></td>",
        f"<td class='gl-number'>{_from_to(before.target_new_probability, after.target_new_probability)}</td>",
        f"<td class='gl-number'>{_from_to(before.target_true_probability, after.target_true_probability)}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>"


def _from_to(before: float, after: float) -> str:
    if not (math.isfinite(before) and math.isfinite(after)):
        return "<span class='gl-quiet'>not asked</span>"
    return f"{percent(before)} → {percent(after)}".replace(" %", "&nbsp;%").replace("under 0.1", "&lt;&nbsp;0.1")


def cost(run_id: str, report: EditReport) -> None:
    """Seconds by stage, the size of the change, and where the numbers come from."""
    with st.container(horizontal=True, gap="large", key="edit-cost"):
        st.metric(
            "Relative weight change",
            percent(report.weight_change),
            width="content",
            help="Frobenius norm of the change divided by that of the MLP output matrix it lies over; a large change "
            "moves more than the fact.",
        )
        st.metric("Time", precise(report.seconds), width="content", help="Sum of the stages below, loading excluded.")
        for stage, seconds in report.stages:
            st.metric(stage.capitalize(), precise(seconds), width="content")
    about = report.provenance
    parts = (
        stacks.run(run_id).model,
        f"{about.get('device', '?')}, {about.get('dtype', '?')}",
        f"torch {about.get('torch', '?')}",
        f"fingerprint {report.fingerprint[:8]}",
        run_id,
    )
    st.caption(escape(" · ".join(parts)))


def summary_row(report: EditReport) -> dict[str, str | int]:
    """One row of the comparison."""
    rates = {kind: f"{good} of {total}" for kind, (good, total) in report.rates().items()}
    return {
        "layer": report.layer,
        "method": report.method,
        "took": "✓ yes" if report.took else "✗ no",
        **{kind: rates.get(kind, "none") for kind in PROBE_KINDS},
        "P(new) after": percent(report.after.target_new_probability),
        "weight change": percent(report.weight_change),
        "time": precise(report.seconds),
        "request": f"{shorten(report.prompt, 60)} → {shorten(report.target_new, 24)}",
    }
