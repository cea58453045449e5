"""Lesson 1: what a model says to a prompt, and to the same fact asked in other words. No torch."""

from dataclasses import dataclass

import pandas as pd

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.results.edit.report import View
from goldenlayers_core.results.formats import percent, shorten
from goldenlayers_core.results.learn.question import QUARTERS, Question, quarter_of

LIKELIEST = 4  # tokens to choose from


@dataclass(frozen=True)
class Step:
    """One token of the model's own answer."""

    token: str
    probability: float  # given everything before it
    second: str  # the next likeliest token there
    second_probability: float


@dataclass(frozen=True)
class Spoken:
    """What a model says to one prompt."""

    model: str
    prompt: str
    view: View
    vocabulary: int  # tokens there are
    steps: tuple[Step, ...] = ()  # of the answer, where they were asked for

    @property
    def rest(self) -> float:
        """Probability of all tokens but the listed ones."""
        return max(0.0, 1.0 - sum(p for _, p in self.view.top_tokens))

    @property
    def chance(self) -> float:
        """Probability of the whole answer: the product over its tokens."""
        product = 1.0
        for step in self.steps:
            product *= step.probability
        return product

    def to_frame(self) -> pd.DataFrame:
        """One row per listed next token."""
        return pd.DataFrame(self.view.top_tokens, columns=["token", "probability"])

    def steps_frame(self) -> pd.DataFrame:
        """One row per token of the answer."""
        return pd.DataFrame(
            [(i + 1, s.token, s.probability, s.second, s.second_probability) for i, s in enumerate(self.steps)],
            columns=["place", "token", "probability", "second_token", "second_probability"],
        )


@dataclass(frozen=True)
class Wordings:
    """One fact asked in several ways: the dataset's prompt first, then its rephrases."""

    model: str
    about: str  # digest of the request
    accepted: tuple[str, ...]  # answers that count as right
    prompts: tuple[str, ...]
    views: tuple[View, ...]  # target_true_probability: of the first accepted answer
    knows: tuple[bool, ...]  # the greedy answer begins with an accepted one

    def __post_init__(self) -> None:
        if not len(self.prompts) == len(self.views) == len(self.knows):
            raise ConfigError("Every wording needs one prompt, one view and one verdict; their numbers differ.")

    @property
    def n_known(self) -> int:
        return sum(self.knows)

    def to_frame(self) -> pd.DataFrame:
        """One row per wording."""
        return pd.DataFrame(
            {
                "prompt": self.prompts,
                "answer": [view.answer for view in self.views],
                "probability_of_true_answer": [view.target_true_probability for view in self.views],
                "knows": self.knows,
            }
        )


def quoted(token: str) -> str:
    """A token as one would quote it in a sentence; white space is named."""
    if token.strip():
        return f"“{token.strip()}”"
    return "a line break" if "\n" in token else "a space" if token else "nothing"


def likeliest_question(spoken: Spoken, about: str) -> Question:
    """Which of the four likeliest next tokens is the first? Raises ConfigError where fewer than two can be told apart.

    The options stand in alphabetical order, so that their order gives nothing away.
    """
    best: dict[str, float] = {}
    for token, p in spoken.view.top_tokens:
        best.setdefault(quoted(token), p)
        if len(best) == LIKELIEST:
            break
    options = tuple(sorted(best, key=str.casefold))
    first, second = sorted(best.values(), reverse=True)[:2] if len(best) > 1 else (1.0, 0.0)
    (top, p_top), *_ = spoken.view.top_tokens
    after = next(token for token, p in best.items() if p == second and token != quoted(top)) if len(best) > 1 else ""
    return Question(
        key="likeliest",
        text=f"Which of these four tokens does the model find likeliest after “{spoken.prompt}”?",
        options=options,
        right=tuple(i for i, token in enumerate(options) if best[token] == first),
        explanation=(
            f"{quoted(top)} has a probability of {percent(p_top)}, the next likeliest of the four, {after}, "
            f"{percent(second)}. All {spoken.vocabulary:,} tokens together have 100 %; those outside the first "
            f"{len(spoken.view.top_tokens)} share {percent(spoken.rest)}."
        ),
        about=about,
    )


def wording_question(found: Wordings) -> Question:
    """In how many of the wordings does the model give an accepted answer?"""
    n = len(found.prompts)
    chances = [view.target_true_probability for view in found.views]
    low, high = min(range(n), key=chances.__getitem__), max(range(n), key=chances.__getitem__)
    said = "; ".join(f"“{shorten(view.answer, 40)}”" for view in found.views)
    return Question(
        key="wording",
        text=(
            f"The same fact is asked in {n} ways: {', '.join(f'“{prompt}”' for prompt in found.prompts)}. In how many "
            f"of them does the model's own answer begin with {' or '.join(f'“{a}”' for a in found.accepted)}?"
        ),
        options=tuple(f"in {i}" if 0 < i < n else "in none" if i == 0 else f"in all {n}" for i in range(n + 1)),
        right=(found.n_known,),
        explanation=(
            f"In {found.n_known} of {n}. It says, in this order: {said}. The probability of “{found.accepted[0]}” "
            f"runs from {percent(chances[low])} (“{found.prompts[low]}”) to {percent(chances[high])} "
            f"(“{found.prompts[high]}”)."
        ),
        about=found.about,
    )


def share_question(n_known: int, n_asked: int, about: str) -> Question:
    """Of the bundled facts that were asked, which share does the model know? Raises ConfigError for none asked."""
    if n_asked < 1:
        raise ConfigError("No fact was asked yet, so no share can be told; ask some first.")
    share = n_known / n_asked
    return Question(
        key="share",
        text=f"Of {n_asked} facts of the bundled dataset, how many does the model know, asked with the dataset's own "
        "prompt?",
        options=QUARTERS,
        right=(quarter_of(share),),
        explanation=f"{n_known} of {n_asked}, which is {percent(share)}: so often its greedy answer begins with an "
        "answer that the dataset accepts.",
        about=about,
    )
