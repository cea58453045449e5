"""An edit travelling through the model: tokens along, layers upward, up to the layer that is looked at."""

from typing import Any, Final, Literal

import numpy as np
import plotly.graph_objects as go

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.figures.edit.answers import token_text
from goldenlayers_core.figures.edit.token_bars import ROW, token_bars
from goldenlayers_core.figures.frame import colour_bar, dress
from goldenlayers_core.figures.text import MINUS, counted, escape, layer_list, number, percent, sentences, shorten
from goldenlayers_core.figures.theme import Colours, colour_scale, colours
from goldenlayers_core.results.arrays import Floats
from goldenlayers_core.results.edit.travel import Travel

What = Literal["change", "alone", "odds", "gain"]
WHATS: Final = ("change", "alone", "odds", "gain")
_LABEL: Final = 12  # characters of a token
_DECADES: Final = 3  # powers of ten that the colours of a relative change span
_LAYER_PX: Final = (13, 24, 460)  # px per layer: least, most, and of all together


def travel_grid(found: Travel, what: What = "change", upto: int | None = None, dark: bool = False) -> go.Figure:
    """Token x layer grid, from the bottom up to layer `upto` (None: the last); what lies outside the causal cone is
    shaded.

    what: "change" (relative norm), "alone" (the same with the edit at the subject's last token only), "odds" (the new
    answer's log-odds with the edit, nats) or "gain" (after less before). customdata of a cell: [token, relative change,
    log-odds before, after]. Raises ConfigError for a layer the model does not have.
    """
    top = found.n_layers - 1 if upto is None else upto
    if not 0 <= top < found.n_layers:
        raise ConfigError(f"Layer {top} was asked for; this model has layers 0 to {found.n_layers - 1}.")
    theme, n_tokens = colours(dark), len(found.tokens)
    body = max(_LAYER_PX[0], min(_LAYER_PX[1], _LAYER_PX[2] // found.n_layers)) * found.n_layers
    below = _below(found)
    figure = go.Figure(_cells(found, what, top, theme, body, below))
    _shade(figure, found, theme)
    figure.add_shape(
        type="line",
        x0=-0.5,
        x1=n_tokens - 0.5,
        y0=top + 0.5,
        y1=top + 0.5,
        line={"color": theme.ink, "width": 2, "dash": "dot"},
        name="layer looked at",
    )
    _axes(figure, found)
    return dress(
        figure,
        dark=dark,
        title=_finding(found, what, top),
        subtitle=sentences((_definition(found, what), _cone(found))),
        kind=f"Heatmap of {counted(n_tokens, 'token')} by {counted(found.n_layers, 'layer')}",
        body=body,
        bottom=below + 44,
    )


def _axes(figure: go.Figure, found: Travel) -> None:
    n_tokens = len(found.tokens)
    figure.update_xaxes(
        range=[-0.5, n_tokens - 0.5],
        tickvals=list(range(n_tokens)),
        ticktext=[_label(found, token) for token in range(n_tokens)],
        tickangle=-50,
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(
        range=[-0.5, found.n_layers - 0.5],
        title_text="after layer",
        tickformat="d",
        showgrid=False,
        zeroline=False,
        **({"dtick": 1} if found.n_layers <= 12 else {}),
    )


def _cells(found: Travel, what: What, top: int, theme: Colours, body: int, below: int) -> go.Heatmap:
    values, scale, bar = _coloured(found, what, theme, body)
    seen = np.arange(found.n_layers)[:, None] <= top
    values = np.where(seen & np.isfinite(values), values, np.nan)
    custom = [
        [
            [escape(shorten(token, 30)), float(change), float(before), float(after)]
            for token, change, before, after in zip(found.tokens, *rows, strict=True)
        ]
        for rows in zip(_relative(found, what), found.odds_before, found.odds_after, strict=True)
    ]
    return go.Heatmap(
        z=[[None if np.isnan(v) else float(v) for v in row] for row in values],
        colorscale=colour_scale(scale),
        xgap=1,
        ygap=1,
        hoverongaps=False,
        customdata=custom,
        hovertemplate=(
            "<b>%{customdata[0]}</b>, after layer %{y}<br>changed by %{customdata[1]:.3%}<br>new answer's log-odds "
            "%{customdata[2]:.2f} → %{customdata[3]:.2f} nats<extra></extra>"
        ),
        colorbar=bar | {"y": -(below - 6) / body},
        zmin=bar["tickvals"][0],
        zmax=bar["tickvals"][-1],
    )


def _relative(found: Travel, what: What) -> Floats:
    return found.alone if what == "alone" else found.change


def _coloured(found: Travel, what: What, theme: Colours, body: int) -> tuple[Floats, tuple[str, ...], dict[str, Any]]:
    """(values (L, T), colours, colour bar): NaN where nothing changed at all."""
    if what in ("odds", "gain"):
        values = found.odds_after if what == "odds" else found.odds_after - found.odds_before
        limit = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
        name = "log-odds of the new answer (nats)" if what == "odds" else "log-odds gained by the edit (nats)"
        ticks: dict[str, Any] = {"tickvals": [-limit, 0.0, limit], "ticktext": [_signed(-limit), "0", _signed(limit)]}
        return values, theme.diverging, colour_bar(theme, name, body) | ticks
    values = _relative(found, what)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(values > 0, np.log10(values), np.nan)
    largest = float(np.nanmax(logs)) if np.isfinite(logs).any() else 0.0
    low = largest - _DECADES
    steps = [low + i for i in range(_DECADES + 1)]
    ticks = {"tickvals": steps, "ticktext": [f"≤ {_share(10 ** steps[0])}", *(_share(10**step) for step in steps[1:])]}
    name = "relative change of the hidden state, logarithmic"
    return np.clip(logs, low, largest), theme.sequential, colour_bar(theme, name, body) | ticks


def _share(value: float) -> str:
    """A share that may lie far below one per cent."""
    return f"{100 * value:.2g} %" if value < 0.1 else f"{100 * value:,.0f} %"


def _signed(value: float) -> str:
    return (MINUS if value < 0 else "+") + number(abs(value), 1)


def _shade(figure: go.Figure, found: Travel, theme: Colours) -> None:
    """Grey over what the cone leaves out, and a gold line where the edit enters."""
    right, first, low = len(found.tokens) - 0.5, (found.subject or 0) - 0.5, found.lowest - 0.5
    places = [(-0.5, right, -0.5, low, "below the edited layer")]
    if found.subject:
        places.append((-0.5, first, low, found.n_layers - 0.5, "before the subject's last token"))
    for x0, x1, y0, y1, name in places:
        if y1 > y0:
            figure.add_shape(
                type="rect", x0=x0, x1=x1, y0=y0, y1=y1, fillcolor=theme.slate, opacity=0.28, line_width=0, name=name
            )
    for layer in found.layers:
        figure.add_shape(
            type="line", x0=first, x1=right, y0=layer - 0.5, y1=layer - 0.5, line={"color": theme.gold, "width": 3}
        )
    if found.subject is not None:
        figure.add_shape(
            type="line", x0=first, x1=first, y0=low, y1=found.n_layers - 0.5, line={"color": theme.gold, "width": 2}
        )


def _below(found: Travel) -> int:
    """px of the turned labels."""
    return 24 + int(5.6 * max(len(_label(found, token)) for token in range(len(found.tokens))))


def _label(found: Travel, token: int) -> str:
    word = escape(shorten(found.tokens[token], _LABEL)) or token_text(found.tokens[token])
    return f"<b>{word}</b>" if token == found.subject else word


def _finding(found: Travel, what: What, top: int) -> str:
    last = len(found.tokens) - 1
    if what in ("odds", "gain"):
        before, after = float(found.odds_before[top, last]), float(found.odds_after[top, last])
        moved = f"{_plain(before)} → {_plain(after)} nats"
        return f"After layer {top}, the new answer's log-odds at the prompt's end: {moved}"
    values = _relative(found, what)
    end = _exactly(float(values[top, last]))
    if found.subject is None or found.subject == last:
        return f"After layer {top}, the prompt's last token has changed by {end}"
    written = _exactly(float(values[top, found.subject]))
    word = shorten(found.tokens[found.subject].strip(), 20)
    return f"After layer {top}, “{word}” has changed by {written} and the prompt's last token by {end}"


def _plain(value: float) -> str:
    return (MINUS if value < 0 else "") + number(abs(value), 1)


def _exactly(value: float) -> str:
    return "exactly 0" if value == 0 else percent(value)


def _definition(found: Travel, what: What) -> str:
    if what in ("odds", "gain"):
        token = shorten(found.new.strip(), 20)
        shown = "with the edit" if what == "odds" else "with the edit, less before it"
        return (
            f"ln p / (1 {MINUS} p) in nats, p of “{token}”, the new answer's first token, {shown}. Read at each token "
            "after each layer by the logit lens."
        )
    acting = "The edit acts at the subject's last token alone. " if what == "alone" else ""
    return (
        f"|h' {MINUS} h| / |h|, h the hidden state that leaves a layer at a token, h' the same with the edit. {acting}"
        "Blank: exactly 0."
    )


def _cone(found: Travel) -> str:
    """What the shade stands for, and what shows there all the same."""
    where = f"Gold: {found.method.upper()} at {layer_list(found.layers)}."
    if not found.subject:
        return f"{where} Shaded: below the edited layer nothing changes, exactly. 1 prompt, {found.model}."
    word = shorten(found.tokens[found.subject].strip(), 20)
    leak = f"; before “{word}” up to {percent(found.leak)}, where other tokens meet the edited matrix" * (
        found.leak > 0
    )
    return f"{where} Shaded: outside the causal cone of “{word}”{leak}. 1 prompt, {found.model}."


def travel_tokens(found: Travel, upto: int, dark: bool = False) -> go.Figure:
    """Probabilities of the same few tokens at the prompt's last token, read after layer `upto`: before as outlines,
    after filled, in an order that does not move.

    customdata of a bar: [token, before, after]. Raises ConfigError for a layer the model does not have.
    """
    if not 0 <= upto < found.n_layers:
        raise ConfigError(f"Layer {upto} was asked for; this model has layers 0 to {found.n_layers - 1}.")
    theme, figure = colours(dark), go.Figure()
    fills = [theme.blue, *([theme.rust] if found.old else [])]
    fills += [theme.slate] * (len(found.followed) - len(fills))
    token_bars(figure, found.followed, (found.p_before[upto], found.p_after[upto]), fills, theme)
    said, now = (shorten(word.strip(), 20) or "space" for word in found.says[upto])
    turned = f"“{said}” → “{now}”" if said != now else f"“{now}”, as before"
    return dress(
        figure,
        dark=dark,
        title=f"Read after layer {upto}, the likeliest next token is {turned}",
        subtitle="Logit lens at 1 prompt's last token. Outlined: before; filled: with the edit. Blue: the new answer's "
        "first token" + (", rust: the old one's." if found.old else "."),
        kind=f"Bar chart of {counted(len(found.followed), 'token')}",
        body=ROW * len(found.followed) + 20,
        bottom=48,
    )
