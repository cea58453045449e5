"""Causal traces: one request token by token, and the average of a dataset over the layers."""

import math
from typing import Final

import numpy as np
import plotly.graph_objects as go

from goldenlayers_core.figures.frame import colour_bar, dress, interval_band, layer_axis
from goldenlayers_core.figures.text import MINUS, counted, escape, number, percent, sentences, shorten
from goldenlayers_core.figures.theme import Colours, colour_scale, colours
from goldenlayers_core.results import POSITIONS, TokenTrace, TraceResult, position_class

_MARK: Final = "*"  # of a subject token, as in ROME's figures
_LABEL: Final = 14  # characters of a token's label
_STATES: Final = (("hidden", "hidden state"), ("mlp", "MLP output"), ("attention", "attention output"))
_DASHES: Final = ("dash", "dot", "solid", "dashdot", "longdash", "longdashdot")
_SYMBOLS: Final = ("square", "diamond", "circle", "cross", "x", "triangle-up")
_MAIN: Final = "last subject token"


def token_heatmap(trace: TokenTrace, dark: bool = False) -> go.Figure:
    """Heatmap of the indirect effect, one row per token of the prompt; subject tokens carry a star.

    customdata of a cell: [token, its class, probability with the state restored].
    """
    theme, (tokens, layers) = colours(dark), trace.effects.shape
    largest = np.nanmax(np.abs(trace.effects), initial=0.0)
    limit, body = float(largest) or 1.0, max(18 * tokens, 120)
    figure = go.Figure(
        go.Heatmap(
            z=trace.effects,
            zmin=-limit,
            zmax=limit,
            colorscale=colour_scale(theme.diverging),
            xgap=1 if tokens <= 60 else 0,
            ygap=1 if tokens <= 60 else 0,
            customdata=_cells(trace),
            hovertemplate=(
                "<b>%{customdata[0]}</b> (%{customdata[1]}), layer %{x}<br>indirect effect <b>%{z:.3g}</b><br>"
                "probability restored %{customdata[2]:.3g}<extra></extra>"
            ),
            colorbar=colour_bar(theme, "indirect effect (probability)", body)
            | {"tickvals": [-limit, 0.0, limit], "ticktext": [number(-limit, 2), "0", number(limit, 2)]},
        )
    )
    best = _best_cell(trace)
    if best is not None:
        _frame_cell(figure, best, theme)
    layer_axis(figure, layers)
    figure.update_yaxes(
        range=[tokens - 0.5, -0.5],
        tickvals=list(range(tokens)),
        ticktext=[_label(trace, token) for token in range(tokens)],
        showgrid=False,
        zeroline=False,
    )
    return dress(
        figure,
        dark=dark,
        title=_token_finding(trace, best),
        subtitle=_token_definition(trace),
        kind=f"Heatmap of {counted(tokens, 'token')} by {counted(layers, 'layer')}",
        body=body,
        bottom=96,
    )


def _cells(trace: TokenTrace) -> list[list[list[object]]]:
    names = [_word(token) for token in trace.tokens]
    classes = [position_class(t, trace.subject, len(names)) or "before the subject" for t in range(len(names))]
    return [
        [[name, where, float(trace.p_corrupt + value)] for value in row]
        for name, where, row in zip(names, classes, trace.effects, strict=True)
    ]


def _word(token: str) -> str:
    """A token as one would quote it."""
    return escape(shorten(token, _LABEL) or token.encode("unicode_escape").decode())


def _label(trace: TokenTrace, token: int) -> str:
    first, last = trace.subject
    return _word(trace.tokens[token]) + (_MARK if first <= token <= last else "")


def _best_cell(trace: TokenTrace) -> tuple[int, int] | None:
    """(token, layer) of the largest effect; None where none is above 0."""
    effects = np.nan_to_num(trace.effects, nan=-math.inf)
    if not effects.size or not effects.max() > 0:
        return None
    token, layer = np.unravel_index(int(effects.argmax()), effects.shape)
    return int(token), int(layer)


def _frame_cell(figure: go.Figure, cell: tuple[int, int], theme: Colours) -> None:
    token, layer = cell
    figure.add_shape(
        type="rect",
        x0=layer - 0.5,
        x1=layer + 0.5,
        y0=token - 0.5,
        y1=token + 0.5,
        line={"color": theme.ink, "width": 2},
        name="largest effect",
    )


def _state(kind: str) -> str:
    return dict(_STATES)[kind]


def _restored(kind: str, window: int) -> str:
    """What was put back, in words."""
    return f"the {_state(kind)} of one layer" if window == 1 else f"the {_state(kind)}s of {window} layers around it"


def _token_finding(trace: TokenTrace, best: tuple[int, int] | None) -> str:
    if best is None:
        return f"No restored {_state(trace.kind)} brings the answer back"
    token, layer = best
    value = trace.effects[token, layer]
    return (
        f"Restored at “{shorten(trace.tokens[token], _LABEL).strip()}”, layer {layer}, the {_state(trace.kind)} raises "
        f"the answer's probability by {number(float(value), 2)}"
    )


def _token_definition(trace: TokenTrace) -> str:
    answer = shorten(trace.answer.strip() or trace.answer, 40)
    return sentences(
        (
            f"{shorten(trace.prompt, 150)} → {answer}",
            f"Indirect effect = p(first token of the answer), with {_restored(trace.kind, trace.window)} put back to "
            f"what it was, {MINUS} p with the subject corrupted. Clean p = {number(trace.p_clean)}, corrupted "
            f"{number(trace.p_corrupt)}.",
            f"Subject tokens ({_MARK}) carry noise of standard deviation {number(trace.noise)} on their embeddings; "
            f"mean of {counted(trace.n_samples, 'sample')}, seed {trace.seed}. Framed: the largest effect. "
            f"{trace.model}.",
        )
    )


def trace_curves(trace: TraceResult, dark: bool = False, n_resamples: int = 1000, seed: int = 0) -> go.Figure:
    """Average indirect effect per layer, one line per class of tokens; 95 % bootstrap band at the subject's last.

    The gold line marks the layer that causal tracing picks. customdata of a mark: [requests with such a token, low,
    high]; the bounds only at the last subject token.
    """
    theme, means, counts = colours(dark), trace.means(), trace.counts()
    low, high = trace.interval(n_resamples, seed)
    figure = go.Figure()
    layers = list(range(trace.n_layers))
    interval_band(figure, layers, low, high, theme, showlegend=False, name="interval")
    shown = [place for place, count in enumerate(counts) if count]
    for place in sorted(shown, key=lambda p: POSITIONS[p] == _MAIN):  # the line that decides lies on top
        bounds = (low, high) if POSITIONS[place] == _MAIN else None
        _class_curve(figure, place, means[place], counts[place], bounds, theme)
    figure.add_vline(
        x=trace.golden_layer, line={"color": theme.gold, "width": 2}, layer="below", name="causal tracing's pick"
    )
    layer_axis(figure, trace.n_layers)
    figure.update_yaxes(title_text="indirect effect (probability)")
    figure.update_layout(
        showlegend=True, legend={"entrywidth": 158, "entrywidthmode": "pixels", "traceorder": "normal"}
    )
    return dress(
        figure,
        dark=dark,
        title=_curve_finding(trace),
        subtitle=_curve_definition(trace, n_resamples, seed),
        kind=f"Line chart of {len(shown)} class{'' if len(shown) == 1 else 'es'} of tokens over "
        f"{counted(trace.n_layers, 'layer')}",
        body=300,
        bottom=56 + 20 * math.ceil(len(shown) / 2),
    )


def _class_curve(
    figure: go.Figure,
    place: int,
    mean: np.ndarray,
    count: int,
    bounds: tuple[np.ndarray, np.ndarray] | None,
    theme: Colours,
) -> None:
    main = bounds is not None
    colour = theme.ink if main else theme.series[place % len(theme.series)]
    low, high = bounds if bounds is not None else (np.full(len(mean), np.nan), np.full(len(mean), np.nan))
    spread = "<br>95 % interval %{customdata[1]:.3g} to %{customdata[2]:.3g}" if main else ""
    figure.add_scatter(
        x=list(range(len(mean))),
        y=mean,
        mode="lines+markers",
        name=POSITIONS[place],
        line={"color": colour, "dash": _DASHES[place], "width": 3 if main else 1.8},
        marker={"symbol": _SYMBOLS[place], "size": 5, "color": colour},
        customdata=[[count, float(a), float(b)] for a, b in zip(low, high, strict=True)],
        hovertemplate=(
            f"<b>{POSITIONS[place]}</b>, layer %{{x}}<br>mean effect %{{y:.3g}} over %{{customdata[0]}} "
            f"requests{spread}<extra></extra>"
        ),
    )


def _curve_finding(trace: TraceResult) -> str:
    layer = trace.golden_layer
    value = float(trace.at_subject.mean(axis=0)[layer])
    if not value > 0:
        return f"No layer brings the answer back at the subject's last token; layer {layer} does the least harm"
    return (
        f"Causal tracing picks layer {layer}: restored at the subject's last token, the {_state(trace.kind)} raises "
        f"the answer's probability by {number(value, 2)}"
    )


def _curve_definition(trace: TraceResult, n_resamples: int, seed: int) -> str:
    share = float(trace.pick_share(n_resamples, seed)[trace.golden_layer])
    clean, corrupt = float(np.mean(trace.p_clean)), float(np.mean(trace.p_corrupt))
    return sentences(
        (
            f"Average indirect effect = p restored {MINUS} p corrupted, of the answer's first token. Restored: "
            f"{_restored(trace.kind, trace.window)} put back; corrupted: the subject is. "
            f"Mean clean p = {number(clean)}, corrupted {number(corrupt)}.",
            f"Means over {counted(trace.n_requests, 'request')} of {trace.dataset} and {trace.n_samples} noise samples "
            f"(standard deviation {number(trace.noise)}, seed {trace.seed}). Band: 95 % interval of "
            f"{n_resamples:,} bootstrap resamples; {percent(share)} of them pick layer {trace.golden_layer} (gold).",
            f"Where an answer comes back need not be where an edit works best. {trace.model}.",
        )
    )
