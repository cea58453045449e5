"""Does a model fit: weights and work in each number format, against what is free."""

import plotly.graph_objects as go

from goldenlayers_core.figures.frame import dress
from goldenlayers_core.figures.text import counted
from goldenlayers_core.figures.theme import LABEL_SIZE, colours
from goldenlayers_core.results.fit import GIB, Fit


def memory_bars(found: Fit, dark: bool = False) -> go.Figure:
    """A bar per number format: the weights, and what scoring and editing take beside them; a line where memory ends."""
    theme, figure = colours(dark), go.Figure()
    rows = found.precisions[::-1]  # the first stands on top
    names = [row.dtype for row in rows]
    named = [room.free for room in found.rooms if room.name in found.device.split("+")]  # on several devices together
    free = (sum(named) if named else found.rooms[0].free) / GIB
    parts = (
        ("weights", [row.weights / GIB for row in rows], theme.slate),
        ("scoring and editing", [(row.peak - row.weights) / GIB for row in rows], theme.blue),
    )
    for name, values, colour in parts:
        figure.add_bar(
            y=names,
            x=values,
            name=name,
            orientation="h",
            marker={"color": colour, "line": {"width": 1, "color": theme.background}},
            hovertemplate=f"%{{y}}, {name}: %{{x:.2f}} GiB<extra></extra>",
        )
    figure.add_vline(x=free, line={"color": theme.ink, "width": 2, "dash": "dot"})
    far = free > 0.6 * max(free, *(row.peak / GIB for row in rows))
    figure.add_annotation(
        x=free,
        y=1,
        yref="paper",
        yanchor="bottom",
        xanchor="right" if far else "left",
        text=f"free: {free:.1f} GiB",
        showarrow=False,
        font={"size": LABEL_SIZE, "color": theme.ink},
    )
    figure.update_xaxes(title_text=f"GiB on {found.device}", rangemode="tozero")
    figure.update_layout(barmode="stack", bargap=0.35, legend={"orientation": "h", "y": -0.45, "x": 0})
    outline = found.outline
    where = f"{outline.n_parameters:,} parameters in {counted(outline.n_layers, 'layer')}, from the configuration alone"
    return dress(
        figure,
        dark=dark,
        title=found.sentence.removesuffix("."),
        subtitle=f"{where}. Bars: weights, and beside them what a batch of scores or one edit takes, whichever is "
        "more. Dotted: what is free now.",
        kind=f"Bars of {counted(len(rows), 'number format')}",
        body=34 * len(rows) + 20,
        bottom=92,
        above=18,
    )
