"""Key covariances: how well each layer's can be inverted, and what edits with one give against edits without."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from goldenlayers_core.figures.frame import dress
from goldenlayers_core.figures.log_axis import log_axis
from goldenlayers_core.figures.text import counted, number, sentences
from goldenlayers_core.figures.theme import colours
from goldenlayers_core.results.edit.covariance import CovarianceCard, CovarianceGain


def condition_marks(found: CovarianceCard, dark: bool = False) -> go.Figure:
    """Condition number of every layer, on a logarithmic axis."""
    theme, worst = colours(dark), max(zip(found.conditions, found.layers, strict=True))
    figure = go.Figure(
        go.Scatter(
            x=list(found.layers),
            y=list(found.conditions),
            mode="lines+markers",
            line={"color": theme.slate, "width": 1},
            marker={"size": 7, "color": theme.slate},
            hovertemplate="<b>layer %{x}</b><br>condition number %{y:.4g}<extra></extra>",
        )
    )
    log_axis(figure, found.conditions, "condition number")
    figure.update_xaxes(title_text="layer", tickformat="d", showgrid=False, zeroline=False)
    return dress(
        figure,
        dark=dark,
        title=f"Largest over smallest eigenvalue: {number(float(f'{worst[0]:.2g}'), 2)} at most, at layer {worst[1]}",
        subtitle=sentences(
            (
                f"Of C_s = (1 - s) C + s (tr C / d) I with shrinkage s = {found.shrinkage:g}, right to a few per cent; "
                "large: a few directions carry nearly everything that the keys are.",
                f"C = mean of k kᵀ over {found.words}, {counted(found.width, 'direction')}; {found.model}.",
            )
        ),
        kind=f"Marks of {counted(len(found.layers), 'layer')}",
        body=190,
        bottom=52,
    )


def covariance_curves(found: CovarianceGain, dark: bool = False) -> go.Figure:
    """Locality, and divergence on locality prompts, per layer: identity against the estimated covariance.

    customdata of a mark: [rewrite, rephrase, portability].
    """
    theme, layers = colours(dark), list(found.layers)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.1)
    extra = [found.of(name) for name in ("rewrite", "rephrase", "portability")]
    rows = (("locality", "locality", "%{y:.2f} of locality answers kept"), ("locality_kl", "nats", "%{y:.3g} nats"))
    for row, (metric, title, hover) in enumerate(rows, start=1):
        for c, (name, colour, dash) in enumerate(
            zip(("identity", "estimated"), (theme.rust, theme.blue), ("dot", "solid"), strict=True)
        ):
            figure.add_scatter(
                x=layers,
                y=found.of(metric)[c].tolist(),
                mode="lines+markers",
                name=name,
                legendgroup=name,
                showlegend=row == 1,
                line={"color": colour, "width": 2, "dash": dash},
                marker={"size": 7, "symbol": ("circle-open", "circle")[c]},
                customdata=[[float(e[c, i]) for e in extra] for i in range(len(layers))],
                hovertemplate=(
                    f"<b>layer %{{x}}, {name}</b><br>{hover}<br>rewrite %{{customdata[0]:.2f}}, rephrase "
                    "%{customdata[1]:.2f}, portability %{customdata[2]:.2f}<extra></extra>"
                ),
                row=row,
                col=1,
            )
        figure.update_yaxes(title_text=title, rangemode="tozero", row=row, col=1)
    figure.update_xaxes(tickformat="d", showgrid=False, zeroline=False)
    figure.update_xaxes(title_text="layer edited", row=2, col=1)
    figure.update_layout(legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"})
    return dress(
        figure,
        dark=dark,
        title=_finding(found),
        subtitle=_definition(found),
        kind=f"Two pairs of lines over {counted(len(layers), 'layer')}",
        body=320,
        bottom=52,
        above=28,
    )


def _finding(found: CovarianceGain) -> str:
    """Means over the layers: what is gained, and what it costs."""
    kept, taken = found.of("locality").mean(axis=1), found.of("rewrite").mean(axis=1)
    return (
        f"Locality {number(kept[1], 2)} with the covariance, {number(kept[0], 2)} with the identity; rewrite "
        f"{number(taken[1], 2)} and {number(taken[0], 2)}"
    )


def _definition(found: CovarianceGain) -> str:
    return sentences(
        (
            "Above: share of prompts about other things answered as before the edit, by greedy generation. Below: "
            "mean KL(before || after) of the next token after them, nats.",
            f"Means over {counted(found.n_requests, 'request')} of {found.dataset}; {found.method.upper()} edits; "
            f"estimated = {found.names[1]}; {found.model}.",
        )
    )
