"""What an edit did: the verdict, before and after, every probe, and what it cost."""

import math
from html import escape as html

import pandas as pd
import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.figures.text import number, percent, shorten
from goldenlayers_core.records import PROBE_KINDS
from goldenlayers_core.results import EditReport, View
from pages._shared import edit_kept, session, show
from pages._shared.wording import count, duration, escape

KIND_WORDS = {
    "rewrite": "the prompt itself; wished: the new answer",
    "rephrase": "the same fact in other words; wished: the new answer",
    "locality": "another fact; wished: the same answer as before",
    "portability": "what follows from the new fact; wished: its own new answer",
}


def mark(report: EditReport) -> None:
    """Whether the edit took, as a coloured word."""
    if report.took:
        st.badge("The edit took", icon=":material/check:", color="green")
    else:
        st.badge("The edit did not take", icon=":material/close:", color="red")


def headline(run_id: str, report: EditReport) -> None:
    """The verdict, large, and the way back."""
    with st.container(border=True, key="edit-verdict"):
        mark(report)
        st.markdown(f"### {escape(report.verdict)}")
        if _same_answer(report):
            st.warning(
                "A no-op: the model gave the new answer before the edit already, so this says nothing about the layer.",
                icon=":material/block:",
            )
        st.caption(
            escape(
                f"{report.method.upper()} at layer {report.layer} ({report.layer_evidence}); 1 request, "
                f"{count(len(report.outcomes), 'probe')}, greedy answers. It took if the answer begins with the new one."
            )
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Undo this edit", key="undo", icon=":material/undo:"):
                edit_kept.drop(run_id)
                st.toast("Undone: the edit is dropped, and the base model is as it always was.", icon=":material/undo:")
                st.rerun()
            st.caption("The base model was never changed: an edit lies over it, so that undo is dropping it.")


def _same_answer(report: EditReport) -> bool:
    return report.verdict.startswith("The model answered")


def before_and_after(report: EditReport) -> None:
    """The two answers side by side, with the probabilities of the old and the new target."""
    sides = st.columns(2)
    for side, title, view in ((sides[0], "Before", report.before), (sides[1], "After", report.after)):
        with side.container(border=True, key=f"edit-{title.lower()}"):
            st.markdown(f"**{title}**" + ("" if title == "Before" else f", with the edit at layer {report.layer}"))
            st.html(
                f'<p class="gl-answer"><span class="gl-quiet-text">{html(report.prompt)}</span> '
                f"<strong>{html(view.answer) or '(nothing)'}</strong></p>"
            )
            _probabilities(report, view)
    st.caption(
        "Greedy text up to the first line break. P is the probability of the whole answer after the prompt: the product "
        "over its tokens."
    )


def _probabilities(report: EditReport, view: View) -> None:
    with st.container(horizontal=True):
        for label, target, probability in (
            ("new", report.target_new, view.target_new_probability),
            ("old", report.target_true, view.target_true_probability),
        ):
            st.metric(
                f"P({label}: {escape(shorten(target or 'none', 24))})",
                percent(probability) if math.isfinite(probability) else "not asked",
                width="content",
                help=f"Probability that the model goes on with the {label} answer: {probability:.3g}.",
            )


def tokens(run_id: str, report: EditReport) -> None:
    """The ten likeliest next tokens."""
    rows = [
        {"when": when, "rank": place + 1, "token": token, "probability": probability}
        for when, view in (("before", report.before), ("after", report.after))
        for place, (token, probability) in enumerate(view.top_tokens)
    ]
    drawn = figures.top_tokens(report.before, report.after, session.dark())
    show.figure(drawn, f"tokens-{run_id}", pd.DataFrame(rows))


def changes(run_id: str, report: EditReport) -> None:
    """Every probe's probability, before and after."""
    show.figure(figures.probe_changes(report, session.dark()), f"probes-{run_id}", report.to_frame())


def probes(run_id: str, report: EditReport) -> None:
    """Every probe in words."""
    order = {kind: place for place, kind in enumerate(PROBE_KINDS)}
    frame = report.to_frame().sort_values("kind", key=lambda kinds: kinds.map(order), kind="stable")
    frame.insert(0, "came out", ["✓ as wished" if success else "✗ not as wished" for success in frame["success"]])
    share = st.column_config.NumberColumn
    st.dataframe(
        frame,
        width="stretch",
        hide_index=True,
        key=f"edit-probes-{run_id}",
        column_order=[
            *("came out", "kind", "prompt", "expected", "before", "after"),
            *("p_new_before", "p_new_after", "p_true_before", "p_true_after", "divergence_nats", "name"),
        ],
        column_config={
            "came out": st.column_config.TextColumn(width="small", pinned=True),
            "kind": st.column_config.TextColumn(width="small"),
            "prompt": st.column_config.TextColumn(width="large"),
            "expected": st.column_config.TextColumn("expected answer", width="small"),
            "before": st.column_config.TextColumn("answer before", width="medium"),
            "after": st.column_config.TextColumn("answer after", width="medium"),
            "p_new_before": share(
                "P(new) before", format="percent", help="Probability of the new answer before the edit."
            ),
            "p_new_after": share(
                "P(new) after", format="percent", help="Probability of the new answer after the edit."
            ),
            "p_true_before": share("P(old) before", format="percent", help="Probability of the old answer before."),
            "p_true_after": share("P(old) after", format="percent", help="Probability of the old answer after."),
            "divergence_nats": share(
                "next token moved", format="%.3f", help="KL(before || after) of the next token, in nats; 0 is unmoved."
            ),
            "name": st.column_config.TextColumn("the dataset's name for it", width="small"),
        },
        alt=f"Every probe of the edit: {report.verdict}",
    )
    kinds = report.rates()
    st.caption(
        "  \n".join(
            escape(f"{kind}: {good} of {total} as wished ({KIND_WORDS[kind]})") for kind, (good, total) in kinds.items()
        )
    )


def cost(run_id: str, report: EditReport) -> None:
    """Seconds by stage, the size of the change, and where the numbers come from."""
    with st.container(horizontal=True):
        st.metric(
            "Relative weight change",
            percent(report.weight_change),
            width="content",
            help="Frobenius norm of the change divided by the norm of the MLP output matrix it lies over; large changes "
            "move more than the fact.",
        )
        st.metric("Time", f"{report.seconds:.1f} s", width="content", help="Sum of the stages below, loading excluded.")
        for stage, seconds in report.stages:
            st.metric(stage.capitalize(), f"{seconds:.2f} s", width="content")
    about = report.provenance
    parts = (
        about.get("model", ""),
        f"{about.get('device', '?')}, {about.get('dtype', '?')}",
        f"torch {about.get('torch', '?')}",
        f"fingerprint {report.fingerprint[:8]}",
        run_id,
    )
    st.caption(escape(" · ".join(part for part in parts if part)))


def summary_row(report: EditReport) -> dict[str, str | int]:
    """One row of the comparison."""
    rates = {kind: f"{good} of {total}" for kind, (good, total) in report.rates().items()}
    return {
        "layer": report.layer,
        "method": report.method,
        "took": "✓ yes" if report.took else "✗ no",
        **{kind: rates.get(kind, "none") for kind in PROBE_KINDS},
        "P(new) after": percent(report.after.target_new_probability),
        "weight change": number(report.weight_change),
        "time": duration(report.seconds),
        "request": f"{shorten(report.prompt, 60)} → {shorten(report.target_new, 24)}",
    }
