"""Where edits act: two answers through the layers, and what every layer's attention and MLP adds for them."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from goldenlayers_core.figures.edit.answers import token_text
from goldenlayers_core.figures.frame import dress, layer_axis
from goldenlayers_core.figures.text import MINUS, counted, layer_list, number, percent, sentences, shorten
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results.edit.lens import LensReading, LensResult


def lens_curves(found: LensResult, dark: bool = False) -> go.Figure:
    """Both targets' first tokens after every layer, before (dotted) and after (solid): probability above, rank below.

    customdata of a mark: [probability, rank] of the token there.
    """
    theme, layers = colours(dark), found.before.n_layers
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.07)
    for when, reading, dash, width in (("before", found.before, "dot", 1.6), ("after", found.after, "solid", 2.4)):
        for side, token, colour in ((0, "new", theme.blue), (1, "old", theme.rust)):
            for row, values in ((1, reading.probability[side]), (2, reading.rank[side])):
                figure.add_scatter(
                    x=list(range(-1, layers)),
                    y=values.tolist(),
                    mode="lines+markers",
                    name=f"{token}, {when}",
                    showlegend=row == 1,
                    line={"color": colour, "dash": dash, "width": width},
                    marker={"size": 5, "symbol": "circle" if side == 0 else "diamond"},
                    customdata=np.stack([reading.probability[side], reading.rank[side]], axis=1).tolist(),
                    hovertemplate=(
                        f"<b>{token} {token_text(found.tokens[side])}</b>, {when}, after layer %{{x}}<br>"
                        "probability %{customdata[0]:.3g}, rank %{customdata[1]:,}<extra></extra>"
                    ),
                    row=row,
                    col=1,
                )
    _mark(figure, found, theme)
    layer_axis(figure, layers)
    figure.update_xaxes(range=[-1.6, layers - 0.4])
    figure.update_xaxes(title_text="after layer (left of 0: the embedding)", row=2, col=1)
    figure.update_yaxes(range=[-0.04, 1.04], tickformat=".0%", zeroline=False, title_text="probability", row=1, col=1)
    largest = max(float(reading.rank.max()) for reading in (found.before, found.after))
    figure.update_yaxes(
        type="log", range=[np.log10(largest) + 0.1, -0.2], dtick=1, tickformat=",d", title_text="rank", row=2, col=1
    )
    figure.update_layout(showlegend=True)
    return dress(
        figure,
        dark=dark,
        title=_finding(found),
        subtitle=sentences((_about(found), _LENS)),
        kind=f"Probability and rank of two tokens over {counted(layers, 'layer')}",
        body=400,
        bottom=84,
    )


_LENS = (
    "Logit lens (nostalgebraist 2020): the residual stream at the prompt's last token, read after each layer. It is "
    "read through the final norm and the LM head; at the last layer it is what the model says. Gold lines: the layers "
    "edited."
)


def _mark(figure: go.Figure, found: LensResult, theme: Colours, **where: int) -> None:
    for layer in found.layers:
        figure.add_vline(x=layer, line={"color": theme.gold, "width": 1.5}, layer="below", **where)


def _about(found: LensResult) -> str:
    new, old = (token.strip() or "space" for token in found.tokens)
    where = layer_list(found.layers) if found.layers else "no layer"
    return (
        f"Prompt: “{shorten(found.prompt, 150)}”. New: “{shorten(new, 20)}”, old: “{shorten(old, 20)}” (first tokens). "
        f"{counted(found.n_edits, 'edit')} at {where}; {found.model}."
    )


def _finding(found: LensResult) -> str:
    new, old = (shorten(token.strip(), 20) or "space" for token in found.tokens)
    before, after = found.before.probability, found.after.probability
    end = (
        f"At the end P(“{new}”) {percent(float(before[0, -1]))} → {percent(float(after[0, -1]))}, "
        f"P(“{old}”) {percent(float(before[1, -1]))} → {percent(float(after[1, -1]))}"
    )
    first = _first_on_top(found.after)
    return end if first is None else f"{end}; after layer {first} the new answer is the likeliest, and stays so"


def _first_on_top(reading: LensReading) -> int | None:
    """The layer from which on the new token is the likeliest of all; None where it is not at the end."""
    is_first = reading.rank[0, 1:] == 1  # (L,)
    if not is_first[-1]:
        return None
    below = np.flatnonzero(~is_first)
    return int(below[-1]) + 1 if len(below) else 0


def lens_parts(found: LensResult, dark: bool = False) -> go.Figure:
    """What every layer's attention and MLP adds to the logit of new minus old: before as outlines, after filled.

    customdata of a bar: [value before the edits].
    """
    theme = colours(dark)
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.14, subplot_titles=("attention", "MLP")
    )
    layers = list(range(found.before.n_layers))
    for row, name, colour in ((1, "attention", theme.slate), (2, "mlp", theme.blue)):
        before, after = (getattr(reading, name) for reading in (found.before, found.after))
        figure.add_bar(
            x=layers,
            y=after.tolist(),
            marker={"color": colour},
            name="after",
            customdata=[[float(b)] for b in before],
            hovertemplate=(
                f"<b>{name}, layer %{{x}}</b><br>before %{{customdata[0]:.3g}}, after %{{y:.3g}} logits<extra></extra>"
            ),
            row=row,
            col=1,
        )
        figure.add_bar(
            x=layers,
            y=before.tolist(),
            marker={"color": "rgba(0,0,0,0)", "line": {"color": theme.ink, "width": 1}},
            name="before",
            hoverinfo="skip",
            row=row,
            col=1,
        )
        _mark(figure, found, theme, row=row, col=1)
        layer_axis(figure, found.before.n_layers, row=row, col=1)
        figure.update_yaxes(title_text="logits", row=row, col=1)
    figure.update_xaxes(title_text="layer (0 is the first block)", row=2, col=1)
    figure.update_annotations(font={"size": 12, "color": theme.muted, "weight": 600})
    figure.update_layout(showlegend=False, barmode="overlay")
    return dress(
        figure,
        dark=dark,
        title=_parts_finding(found),
        subtitle=sentences((_about(found), _parts_definition(found))),
        kind=f"Bars of attention and MLP over {counted(len(layers), 'layer')}",
        body=340,
        bottom=52,
        above=22,
    )


def _parts_finding(found: LensResult) -> str:
    moved = {
        f"the {'MLP' if name == 'mlp' else name} of layer {layer}": float(value)
        for name in ("attention", "mlp")
        for layer, value in enumerate(getattr(found.after, name) - getattr(found.before, name))
    }
    where, value = max(moved.items(), key=lambda item: abs(item[1]))
    if not abs(value) > 1e-6:
        return "No layer adds anything else than before"
    sign = "+" if value > 0 else MINUS
    return f"What {where} adds changed most: {sign}{number(abs(value), 2)} logits towards the new answer"


def _parts_definition(found: LensResult) -> str:
    sums = (
        f"{when}: {number(reading.base, 2)} from the embedding and biases, {number(float(reading.attention.sum()), 2)} "
        f"from attention, {number(float(reading.mlp.sum()), 2)} from MLPs, in all {number(reading.difference, 2)}"
        for when, reading in (("Before", found.before), ("After", found.after))
    )
    return (
        "Direct logit attribution (Elhage et al. 2021): what each part adds to the residual stream at the prompt's "
        f"last token, towards new {MINUS} old, with the final norm's scale folded in; the parts add up to the logit "
        f"difference. Outlined: before, filled: after. {'; '.join(sums)}."
    )
