"""The five steps of the first minute: what each found, its picture, and the way into the page it belongs to."""

from collections.abc import Callable
from html import escape as html
from typing import Final

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.present.tour import tour_heatmap, tour_values
from goldenlayers_core.figures.text import capital
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.present.tour import Tour
from goldenlayers_core.tasks.present.slide import said
from goldenlayers_core.tasks.present.tour_words import STEPS, Neighbour, Told, evidence, further, neighbours, told
from pages._shared import cached, edit_link, fold, session, show
from pages._shared.wording import count, escape

_GONE: Final = "The run of this step was deleted from the store; run the tour again to see it."


def steps(tour: Tour, working: bool) -> None:
    """All five, as far as the tour is; `working`: it is still under way."""
    report, other = _report(tour.edit_run), _report(tour.other_run)
    words = told(tour, report, other)
    pictures: tuple[Callable[[], None], ...] = (
        lambda: _asked(tour),
        lambda: _scores(tour, working),
        lambda: _layers(tour),
        lambda: _edited(tour, report),
        lambda: _neighbours(tour, report, other),
    )
    opens = (
        ("Open this fact", lambda: _open_fact(tour)),
        ("Open the layer scores", lambda: _open_scores(tour)),
        ("Open the evidence" if tour.evidence_run else "Measure it yourself", lambda: _open_evidence(tour)),
        ("Open the edit", lambda: _open_edit(tour.edit_run)),
        (f"Open the edit at layer {tour.golden_layer}", lambda: _open_edit(tour.other_run)),
    )
    stage = tour.stage
    for place, name in enumerate(STEPS):
        state = "done" if place < stage else "now" if place == stage and working else "later"
        under_way = state == "now" and name == "score" and tour.prompts  # the heatmap fills
        with st.container(border=True, key=f"tour-{name}-{state}"):
            if state == "done" or under_way:
                left, right = st.columns([1, 2], gap="large")
                with left:
                    _words(place, words[place], state)
                    label, action = opens[place]
                    if state == "done" and st.button(label, key=f"tour-open-{name}", icon=":material/open_in_new:"):
                        action()
                with right:
                    pictures[place]()
            else:
                _words(place, words[place], state)


def _words(place: int, step: Told, state: str) -> None:
    icon = {"done": ":material/check_circle:", "now": ":material/pending:", "later": ":material/circle:"}[state]
    if state == "later":
        st.markdown(f":gray[{icon} {place + 1}. {escape(step.headline)}]")
        return
    st.markdown(f"## {icon} {place + 1}. {escape(step.headline)}")
    if step.text:
        st.markdown(escape(step.text))


def _report(run_id: str) -> EditReport | None:
    try:
        return cached.report(run_id) if run_id else None
    except GoldenLayersError:
        return None


def _asked(tour: Tour) -> None:
    st.html(
        f"<p class='gl-tour-asked'>{html(tour.prompt)} <strong>{html(said(tour.answer))}</strong></p>"
        f"<p class='gl-quiet'>Greedy answer of {html(tour.model)}, unedited.</p>"
    )


def _scores(tour: Tour, working: bool) -> None:
    """The heatmap: as it fills while the tour scores, then from the stored run."""
    dark = session.dark()
    if not tour.score_run:
        show.filling(tour_heatmap(tour, tour_values(tour), tour.prompts, dark), "tour-heatmap")
        return
    try:
        scores, _ = cached.scores(tour.score_run)
    except GoldenLayersError:
        st.caption(_GONE)
        return
    drawn = tour_heatmap(tour, scores.values, scores.prompts, dark)
    if working:  # a table in a part of the page that is drawn anew again and again could not be used
        show.filling(drawn, "tour-heatmap")
    else:
        show.figure(drawn, "tour-heatmap", scores.to_frame())


def _layers(tour: Tour) -> None:
    """All layers in a row, the two that were named marked."""
    names = {tour.golden_layer: ("gl-by-gradients", "gradients")}
    real = "tour" if tour.edit_by == "literature" else "real edits"
    both = tour.edit_layer == tour.golden_layer
    names[tour.edit_layer] = ("gl-by-edits", f"gradients and {real}" if both else real)
    cells = "".join(
        f"<span class='{names[layer][0]}'><b>{layer}</b></span>" if layer in names else "<span></span>"
        for layer in range(tour.n_layers)
    )
    legend = "".join(
        f"<li><i class='{look}'></i>{html(words)}: layer {layer}</li>" for layer, (look, words) in sorted(names.items())
    )
    st.html(
        f"<div class='gl-strip' role='img' aria-label='{tour.n_layers} layers; "
        + ", ".join(f"layer {layer} by {words}" for layer, (_, words) in sorted(names.items()))
        + f"'>{cells}</div><ul class='gl-strip-legend'>{legend}</ul>"
        f"<p class='gl-quiet'>Layers 0 to {tour.n_layers - 1}, the first block on the left. {html(evidence(tour))}</p>"
    )


def _edited(tour: Tour, report: EditReport | None) -> None:
    if report is None:
        st.caption(_GONE)
        return
    sides = (("before", "Before", report.before.answer), ("after", "After", report.after.answer))
    panels = "".join(
        f"<div class='gl-tour-side gl-tour-{look}'><span class='gl-quiet'>{title}</span>"
        f"<strong>{html(said(answer))}</strong></div>"
        for look, title, answer in sides
    )
    st.html(
        f"<p class='gl-tour-asked'>{html(tour.prompt)} …</p><div class='gl-tour-sides'>{panels}</div>"
        f"<p class='gl-quiet'>Greedy answers, without and with the edit at layer {report.layer}; ROME.</p>"
    )


def _neighbours(tour: Tour, report: EditReport | None, other: EditReport | None) -> None:
    if report is None or other is None:
        st.caption(_GONE)
        return
    beside = other if tour.golden_layer != tour.edit_layer else None
    heads = ["asked", "before", f"edited at {tour.edit_layer}"]
    heads += [f"edited at {tour.golden_layer}"] if beside else []
    rows = [_row(found, heads[1:]) for found in neighbours(report, beside)]
    with fold.on_phone("tour-neighbours", f"What {count(len(rows), 'neighbour')} answered, before and after"):
        st.html(
            "<div class='gl-scroll'><table class='gl-table gl-tour-table'><thead><tr>"
            + "".join(f"<th>{head}</th>" for head in heads)
            + f"</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        )
    more = further(report, beside)
    st.caption(escape(f"Every neighbour of the fact is listed. {capital(more)}"))


def _row(found: Neighbour, heads: list[str]) -> str:
    """`heads`: of the answers before, after, and where there is another layer after that."""
    cells = [
        f"<td class='gl-wide'>{html(found.prompt)} …</td>",
        f"<td data-side='{heads[0]}'>{html(found.before)}</td>",
    ]
    answers = ((found.after, found.stays), (found.other, found.other_stays))
    for head, (answer, stays) in zip(heads[1:], answers, strict=False):
        look, mark = ("gl-yes", "✓ stays") if stays else ("gl-no", "✗ moved")
        cells.append(f"<td data-side='{head}'>{html(answer)}<br><span class='{look}'>{mark}</span></td>")
    return f"<tr>{''.join(cells)}</tr>"


def _open_fact(tour: Tour) -> None:
    if tour.score_run:
        session.show_score_run(tour.score_run)  # so that Edit knows the dataset, whichever the session has chosen
    edit_link.go(tour.request)


def _open_scores(tour: Tour) -> None:
    session.show_score_run(tour.score_run)
    st.switch_page("pages/layer_scores.py")


def _open_evidence(tour: Tour) -> None:
    if tour.edit_by == "sweep":
        session.show_sweep_run(tour.evidence_run)
    st.switch_page("pages/ground_truth.py")


def _open_edit(run_id: str) -> None:
    session.show_edit_run(run_id)
    st.session_state["edit-view"] = "did"
    st.switch_page("pages/edit.py")
