"""Many edits: how many probes of each kind came out as wished."""

import plotly.graph_objects as go

from goldenlayers_core.figures.frame import dress
from goldenlayers_core.figures.text import counted, layer_list, percent, sentences
from goldenlayers_core.figures.theme import colours
from goldenlayers_core.results.edit.many_edits import MODE_WORDS, ManyEdits


def rate_bars(found: ManyEdits, dark: bool = False) -> go.Figure:
    """Share of the probes of each kind that came out as wished. customdata of a bar: [as wished, probes, requests]."""
    theme = colours(dark)
    kinds = [rate.kind for rate in found.rates]
    shares = [rate.good / rate.n_probes for rate in found.rates]
    figure = go.Figure(
        go.Bar(
            y=kinds,
            x=shares,
            orientation="h",
            width=0.6,
            marker={"color": theme.slate},
            text=[f"{rate.good:,} of {rate.n_probes:,}" for rate in found.rates],
            textposition="auto",
            customdata=[[rate.good, rate.n_probes, rate.n_requests] for rate in found.rates],
            hovertemplate=(
                "<b>%{y}</b><br>%{customdata[0]:,} of %{customdata[1]:,} probes of %{customdata[2]:,} requests"
                "<extra></extra>"
            ),
        )
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%", title_text="probes as wished")
    figure.update_yaxes(autorange="reversed", showgrid=False, automargin=True)
    figure.update_layout(showlegend=False)
    return dress(
        figure,
        dark=dark,
        title=_finding(found),
        subtitle=sentences(
            (
                "As wished: rewrite, rephrase and portability answered with the new target, locality as before; "
                "answers are greedy text.",
                found.definition,
                f"Not asked: {', '.join(found.not_asked)}." if found.not_asked else "",
                f"{counted(found.n_requests, 'request')} of {found.dataset}, {MODE_WORDS[found.mode]}; "
                f"{found.method.upper()}"
                + (f" at {layer_list(found.layers)}" if found.layers else "")
                + f"; {found.model}.",
            )
        ),
        kind=f"Bar chart of probes as wished by kind, {counted(found.n_requests, 'edit')}",
        body=48 + 42 * max(len(kinds), 1),
        bottom=52,
    )


def _finding(found: ManyEdits) -> str:
    took = sum(report.took for report in found.reports)
    stay = next((rate for rate in found.rates if rate.kind == "locality"), None)
    text = f"{took:,} of {counted(found.n_requests, 'edit')} took"
    return text if stay is None else f"{text}; {percent(stay.good / stay.n_probes)} of the locality probes stayed"
