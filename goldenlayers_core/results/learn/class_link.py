"""A class that guesses together: what is asked, and how many chose what. Nothing says who. No torch."""

from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True)
class Asked:
    """One question of the class, with what was guessed so far."""

    key: str  # of the lesson's question
    about: str  # of the result that it is about
    text: str
    options: tuple[str, ...]
    right: tuple[int, ...] = ()  # indices of the options; () until it is revealed
    explanation: str = ""
    guesses: dict[str, int] = field(default_factory=dict)  # of a tab (a random text) -> index of an option

    @property
    def revealed(self) -> bool:
        """Whether the class has been told."""
        return bool(self.right)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many chose each option."""
        chosen = list(self.guesses.values())
        return tuple(chosen.count(option) for option in range(len(self.options)))


@dataclass(frozen=True)
class ClassLink:
    """A class that is open."""

    code: str
    lesson: str  # name of the lesson
    model: str
    closes: float  # seconds since 1970, UTC
    asked: tuple[Asked, ...] = ()

    @property
    def current(self) -> Asked | None:
        """The question that was put last."""
        return self.asked[-1] if self.asked else None

    def to_frame(self) -> pd.DataFrame:
        """One row per question and option: question, option, guesses, right (None until it was revealed)."""
        rows = [
            {
                "question": one.text,
                "option": option,
                "guesses": one.counts[place],
                "right": place in one.right if one.revealed else None,
            }
            for one in self.asked
            for place, option in enumerate(one.options)
        ]
        return pd.DataFrame(rows, columns=["question", "option", "guesses", "right"])
