"""Lesson 1: the next token's probabilities, the answer token by token, and one fact in several wordings."""

from collections.abc import Sequence

import plotly.graph_objects as go

from goldenlayers_core.figures.edit.answers import token_text
from goldenlayers_core.figures.frame import dress
from goldenlayers_core.figures.text import counted, escape, percent, row_labels, sentences, shorten
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results.learn.know import Spoken, Wordings, quoted

_ROW = 26  # px per bar
_INSIDE = 0.6  # probability from which a bar has room for its words, also on a phone


def words(tokens: Sequence[str]) -> list[str]:
    """Tokens as a learner reads them: without the space before, punctuation in quotation marks, white space named.

    Where two would look the same, all keep their space as a dot.
    """
    plain = [_word(token) for token in tokens]
    return plain if len(set(plain)) == len(plain) else [token_text(token) for token in tokens]


def _word(token: str) -> str:
    if any(letter.isalnum() for letter in token):
        return escape(shorten(token.strip(), 14))
    return f"“{escape(token.strip())}”" if token.strip() else "line break" if "\n" in token else "space"


def next_words(spoken: Spoken, dark: bool = False) -> go.Figure:
    """Bars of the likeliest next tokens, and one of all others together; the likeliest is blue.

    customdata of a bar: [token].
    """
    theme, top = colours(dark), spoken.view.top_tokens
    names = [*words([token for token, _ in top]), f"all other {spoken.vocabulary - len(top):,}"]
    values = [*(p for _, p in top), spoken.rest]
    figure = _bars(names, values, [theme.blue, *[theme.slate] * (len(top) - 1), theme.faint], theme)
    (first, p), *_ = top
    return dress(
        figure,
        dark=dark,
        title=f"After “{shorten(spoken.prompt, 70)}” the likeliest token is {quoted(first)}: {percent(p)}",
        subtitle=sentences(
            (
                f"Probability of the next token: the {len(top)} likeliest of {spoken.vocabulary:,}, and all others "
                "together.",
                f"One prompt, one forward pass; {spoken.model}.",
            )
        ),
        kind=f"Bar chart of {counted(len(names), 'probability').replace('ys', 'ies')}",
        body=_ROW * len(names),
        bottom=44,
    )


def answer_steps(spoken: Spoken, dark: bool = False) -> go.Figure:
    """Bars of the probability of each token of the model's own answer, in order; beside it the runner-up.

    customdata of a bar: [token, runner-up, its probability].
    """
    theme, steps = colours(dark), spoken.steps
    names = [f"{i + 1}. {_word(step.token)}" for i, step in enumerate(steps)]
    figure = _bars(names, [step.probability for step in steps], [theme.blue] * len(steps), theme)
    figure.data[0].customdata = [[token_text(s.token), token_text(s.second), s.second_probability] for s in steps]
    figure.data[
        0
    ].hovertemplate = (
        "<b>%{customdata[0]}</b> %{x:.3g}<br>next likeliest: %{customdata[1]} %{customdata[2]:.3g}<extra></extra>"
    )
    figure.data[1].text = [
        f"{percent(step.probability)}, then {_word(step.second)} {percent(step.second_probability)}" for step in steps
    ]
    figure.data[1].textposition = ["middle left" if s.probability > _INSIDE else "middle right" for s in steps]
    figure.data[1].textfont.color = [theme.background if s.probability > _INSIDE else theme.ink for s in steps]
    weakest = min(steps, key=lambda step: step.probability)
    return dress(
        figure,
        dark=dark,
        title=f"The answer “{shorten(spoken.view.answer, 60)}” is {counted(len(steps), 'choice')}, one token at a time",
        subtitle=sentences(
            (
                "Probability of each token of the greedy answer, given everything before it; behind the comma the "
                f"next likeliest token there. The least sure: {quoted(weakest.token)}, {percent(weakest.probability)}. "
                f"All together: {percent(spoken.chance)}, the product.",
                f"The first {counted(len(steps), 'token')} of the answer, up to a line break; {spoken.model}.",
            )
        ),
        kind=f"Bar chart of {counted(len(steps), 'token')} of an answer",
        body=_ROW * max(len(steps), 2),
        bottom=44,
    )


def wordings(found: Wordings, dark: bool = False) -> go.Figure:
    """Bars of the true answer's probability, one per wording, ticked where the model's own answer is accepted.

    customdata of a bar: [prompt, answer].
    """
    theme = colours(dark)
    labels = row_labels(found.prompts, 24)
    names = [f"{label} {'✓' if ok else '✗'}" for label, ok in zip(labels, found.knows, strict=True)]
    tints = [theme.blue if ok else theme.rust for ok in found.knows]
    figure = _bars(names, [view.target_true_probability for view in found.views], tints, theme)
    figure.data[0].customdata = [
        [escape(shorten(prompt, 80)), escape(shorten(view.answer, 60))]
        for prompt, view in zip(found.prompts, found.views, strict=True)
    ]
    figure.data[0].hovertemplate = "<b>%{customdata[0]}</b><br>says: %{customdata[1]}<extra></extra>"
    true, n = shorten(found.accepted[0], 30), len(found.prompts)
    return dress(
        figure,
        dark=dark,
        title=f"Asked in {n} ways, the model says “{true}” itself in {found.n_known}",
        subtitle=sentences(
            (
                f"Bar: probability of “{true}” after the prompt (product over its tokens). ✓: the model's own greedy "
                "answer begins with an accepted answer, so it knows the fact in these words; ✗: it does not.",
                f"{counted(n, 'wording')} of one fact; {found.model}.",
            )
        ),
        kind=f"Bar chart of {counted(n, 'wording')}",
        body=_ROW * max(n, 3),
        bottom=44,
    )


def _bars(names: list[str], values: list[float], tints: list[str], theme: Colours) -> go.Figure:
    """Horizontal bars from above, each with its percentage written beside or, where it is long, in it."""
    figure = go.Figure()
    places = list(range(len(names)))
    figure.add_bar(
        y=places,
        x=values,
        orientation="h",
        marker={"color": tints},
        customdata=[[name] for name in names],
        hovertemplate="<b>%{customdata[0]}</b><br>probability %{x:.4g}<extra></extra>",
    )
    figure.add_scatter(
        y=places,
        x=values,
        mode="text",
        text=[f" {percent(value)} " for value in values],
        textposition=["middle left" if value > 0.8 else "middle right" for value in values],
        textfont={"size": 12, "color": [theme.background if value > 0.8 else theme.ink for value in values]},
        hoverinfo="skip",
        cliponaxis=False,
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%", zeroline=False, title_text="probability")
    figure.update_yaxes(range=[len(names) - 0.4, -0.6], tickvals=places, ticktext=names, showgrid=False, zeroline=False)
    figure.update_layout(showlegend=False)
    return figure
