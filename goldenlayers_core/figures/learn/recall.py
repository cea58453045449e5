"""Lesson 2: what a model would say if it had to speak after each layer."""

import plotly.graph_objects as go

from goldenlayers_core.figures.edit.answers import token_text
from goldenlayers_core.figures.frame import dress
from goldenlayers_core.figures.learn.know import words
from goldenlayers_core.figures.text import counted, percent, sentences, shorten
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results.learn.know import quoted
from goldenlayers_core.results.learn.recall import Depth

_ROW = 18  # px per layer
_LABELLED = 40  # layers; of more, every second is named


def depth_ladder(depth: Depth, dark: bool = False) -> go.Figure:
    """One bar per layer, the deepest on top: the likeliest token there and its probability; the answer in blue.

    customdata of a bar: [token, probability of the answer, its rank].
    """
    theme, places = colours(dark), len(depth.tokens)
    is_answer = [token == depth.answer for token in depth.tokens]
    layers = list(range(-1, places - 1))
    figure = go.Figure(
        go.Bar(
            y=layers,
            x=depth.top.tolist(),
            orientation="h",
            marker={"color": [theme.blue if mine else theme.faint for mine in is_answer]},
            customdata=[
                [token_text(token), float(p), int(rank)]
                for token, p, rank in zip(depth.tokens, depth.probability, depth.rank, strict=True)
            ],
            hovertemplate=(
                f"after layer %{{y}}: <b>%{{customdata[0]}}</b> %{{x:.3g}}<br>{token_text(depth.answer)}: "
                "%{customdata[1]:.3g}, rank %{customdata[2]:,}<extra></extra>"
            ),
        )
    )
    _name_tokens(figure, depth, is_answer, theme)
    step = 1 if places <= _LABELLED else 2
    figure.update_yaxes(
        range=[-1.6, places - 1.4],
        tickvals=layers[::step],
        ticktext=["start" if layer < 0 else str(layer) for layer in layers[::step]],
        showgrid=False,
        zeroline=False,
        title_text="after layer",
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%", zeroline=False, title_text="probability")
    figure.update_layout(showlegend=False)
    layer = depth.readable_from
    return dress(
        figure,
        dark=dark,
        title=f"{quoted(depth.answer)} is what it would say from layer {layer} on, of layers 0 to {depth.n_layers - 1}",
        subtitle=_definition(depth),
        kind=f"Bar chart of {counted(depth.n_layers, 'layer')}",
        body=max(_ROW * places, 160),
        bottom=48,
    )


def _name_tokens(figure: go.Figure, depth: Depth, is_answer: list[bool], theme: Colours) -> None:
    """The likeliest token beside, or in, every bar."""
    once = list(dict.fromkeys(depth.tokens))
    named = [dict(zip(once, words(once), strict=True))[token] for token in depth.tokens]
    figure.add_scatter(
        y=list(range(-1, len(depth.tokens) - 1)),
        x=depth.top.tolist(),
        mode="text",
        text=[
            f" <b>{word}</b> {percent(float(p))} " if mine else f" {word} "
            for word, p, mine in zip(named, depth.top, is_answer, strict=True)
        ],
        textposition=["middle left" if p > 0.7 else "middle right" for p in depth.top],
        textfont={
            "size": 11,
            "color": [
                theme.background if mine and p > 0.7 else theme.ink
                for mine, p in zip(is_answer, depth.top, strict=True)
            ],
        },
        hoverinfo="skip",
        cliponaxis=False,
    )


def _definition(depth: Depth) -> str:
    return sentences(
        (
            "Logit lens (nostalgebraist 2020): the residual stream at the prompt's last token, read after each "
            "layer. It is read through the final norm and the LM head. Bar: the likeliest token there, named beside "
            "it; blue: the token the model says at the end. Start: what enters layer 0.",
            f"Prompt: “{shorten(depth.prompt, 120)}”, one forward pass; {depth.model}.",
        )
    )
