"""The parts of what an edit did: before and after, every probe, and what it cost."""

import math
from collections.abc import Mapping, Sequence
from html import escape as html
from typing import Final, Literal

import streamlit as st

from goldenlayers_core.figures.text import number, percent, shorten
from goldenlayers_core.records import PROBE_KINDS
from goldenlayers_core.results import EditReport, ProbeOutcome, View
from goldenlayers_core.results.edit.light import Colour
from goldenlayers_core.results.formats import NOT_ASKED, spaced
from pages._edit import stacks
from pages._shared import cached, fold, show
from pages._shared.wording import count, escape, precise

_TOLD: Final = 2  # edits of a stack that are named
_MOST_PROBES: Final = 60
KIND_WORDS: Final = {
    "rewrite": "the prompt itself; wished: the new answer",
    "rephrase": "the same fact in other words; wished: the new answer",
    "locality": "another fact; wished: the same answer as before",
    "portability": "what follows from the new fact; wished: its own new answer",
}


_LAMPS: Final[Mapping[Colour, tuple[str, Literal["green", "orange", "red"]]]] = {
    "green": (":material/check_circle:", "green"),
    "amber": (":material/warning:", "orange"),
    "red": (":material/cancel:", "red"),
}


def lamp(colour: Colour, words: str) -> None:
    """A verdict as a coloured badge."""
    icon, shade = _LAMPS[colour]
    st.badge(words, icon=icon, color=shade)


def layers_of(layers: Sequence[int]) -> str:
    """Layers in words, each of them: "layer 5", "layers 3, 4, 5"; "" for none."""
    names = ", ".join(map(str, layers))
    return f"layer{'s' if len(layers) > 1 else ''} {names}" if names else ""


def told(edit_ids: tuple[str, ...]) -> str:
    """Edits in a few words: fact, method and layer of the topmost, and how many are below them."""
    cards = [card for edit_id in reversed(edit_ids[-_TOLD:]) if (card := stacks.card_of(edit_id))]
    words = [f"{stacks.fact_of(c)} ({', '.join(filter(None, (c.method.upper(), layers_of(c.layers))))})" for c in cards]
    more = len(edit_ids) - len(words)
    return "; ".join(words + ([f"{more} more below"] if more else []))


def where(report: EditReport) -> str:
    """The layers of an edit in words; its method, where it has none."""
    card = stacks.card_of(report.edit_id)
    return layers_of(card.layers if card is not None else (report.layer,)) or report.method.upper()


def made(report: EditReport) -> str:
    """The method, where it wrote and why there: "ROME at layer 5 (chosen by hand)"."""
    place, method = where(report), report.method.upper()
    return (
        f"{method}, which needs no layer"
        if place == method
        else f"{method} at {place} ({spaced(report.layer_evidence)})"
    )


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
    if report.routing:
        st.caption(f":material/alt_route: {escape(report.routing.words)}")


def _probabilities(report: EditReport, view: View) -> None:
    with st.container(horizontal=True, gap="medium"):
        for label, target, probability in (
            ("new", report.target_new, view.target_new_probability),
            ("old", report.target_true, view.target_true_probability),
        ):
            st.metric(
                f"P({label}: {escape(shorten(target or 'none', 24))})",
                percent(probability) if math.isfinite(probability) else NOT_ASKED,
                width="content",
                help=f"Probability that the model goes on with the {label} answer: {number(probability)}.",
            )


def probes(report: EditReport, place: str) -> None:
    """Every probe in words: what came out, before and after, and how probable the two answers are; `place` keeps the
    parts of a page apart."""
    with fold.on_phone(f"probes-{place}", f"The {count(len(report.outcomes), 'probe')}, one by one"):
        _probes(report)


def _probes(report: EditReport) -> None:
    ordered = sorted(report.outcomes, key=lambda outcome: PROBE_KINDS.index(outcome.kind))
    heads = ("as wished", "kind", "prompt", "expected", "before", "after", "P(new)", "P(old)")
    show.cells(heads, map(_probe_row, ordered[:_MOST_PROBES]))
    if len(ordered) > _MOST_PROBES:
        st.caption(f"The first {_MOST_PROBES} of {len(ordered)} probes; all of them are in the table under the figure.")
    lines = (
        f"{kind}: {good} of {total} as wished ({KIND_WORDS[kind]})" for kind, (good, total) in report.rates().items()
    )
    missing = [kind for kind in PROBE_KINDS if kind not in report.rates()]
    st.caption("  \n".join(map(escape, (*lines, *(f"{kind}: {NOT_ASKED}" for kind in missing)))))
    st.caption(
        "Answers are greedy text, judged by the rules of docs/judging.md. P: probability of the whole new and of the "
        "whole old answer, before → after the edit."
    )
    if any(outcome.written_on for outcome in ordered):
        st.caption("Written on: the model begins with the expected answer and goes on as a longer word.")


def _probe_row(outcome: ProbeOutcome) -> str:
    look, words = ("gl-yes" if outcome.success else "gl-no"), f"{'✓' if outcome.success else '✗'} {outcome.told}"
    name = f"<br><span class='gl-quiet'>{html(outcome.name)}</span>" if outcome.name else ""
    before, after = outcome.before, outcome.after
    expected = html(shorten(" or ".join(outcome.answers), 80)) or "<span class='gl-quiet'>as before</span>"
    return "".join(
        (
            f"<td class='{look}'>{words}</td>",
            f"<td class='gl-word'>{outcome.kind}{name}</td>",
            f"<td class='gl-wide'>{html(shorten(outcome.prompt, 300))}</td>",
            f"<td>{expected}</td>",
            f"<td class='gl-wide'>{html(shorten(before.answer, 120))}</td>",
            f"<td class='gl-wide'><strong>{html(shorten(after.answer, 120))}</strong></td>",
            f"<td class='gl-number'>{_from_to(before.target_new_probability, after.target_new_probability)}</td>",
            f"<td class='gl-number'>{_from_to(before.target_true_probability, after.target_true_probability)}</td>",
        )
    )


def _from_to(before: float, after: float) -> str:
    if not (math.isfinite(before) and math.isfinite(after)):
        return f"<span class='gl-quiet'>{NOT_ASKED}</span>"
    return f"{percent(before)} → {percent(after)}".replace(" %", "&nbsp;%").replace("under 0.1", "&lt;&nbsp;0.1")


def cost(run_id: str, report: EditReport) -> None:
    """Seconds by stage, the size of the change, and where the numbers come from."""
    with st.container(horizontal=True, gap="medium", key="edit-cost"):
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
    told = (
        cached.workbench().store.manifest(run_id).model,
        f"{about.get('device', '?')}, {about.get('dtype', '?')}",
        f"torch {about.get('torch', '?')}",
        f"fingerprint {report.fingerprint[:8]}",
        run_id,
    )
    st.caption(escape(" · ".join(told)))
