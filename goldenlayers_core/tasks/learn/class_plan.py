"""A class of the seven lessons: when what is done. No torch."""

from dataclasses import dataclass
from typing import Final

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.tasks.learn.text import LESSONS, NUMBERED, lesson_text, lessons

OPENING: Final = 10  # minutes: Home's first minute on the big screen, and everybody at the address
CLOSING: Final = 8  # minutes: what was surprising


@dataclass(frozen=True, slots=True)
class Slot:
    """One entry of the plan."""

    start: int  # minutes from the beginning
    minutes: int
    what: str
    lesson: str = ""  # its name; "" for what is no lesson
    talk: int = 0  # of the minutes, how many are for talking about it


def class_plan(minutes: int = 90) -> tuple[Slot, ...]:
    """Opening, every numbered lesson with time to talk about it, closing; the whole takes exactly `minutes`.

    Raises ConfigError where the time does not suffice for the lessons alone.
    """
    names = [name for name in lessons() if LESSONS.index(name) < NUMBERED]
    texts = [lesson_text(name) for name in names]
    left = minutes - OPENING - CLOSING - sum(text.minutes for text in texts)
    if left < 0:
        raise ConfigError(
            f"{minutes} minutes were given; {len(texts)} lessons with opening and closing need {minutes - left}."
        )
    talk, over = divmod(left, len(texts))
    slots = [Slot(0, OPENING, "Opening: the first minute on Home, everybody opens the address")]
    for place, text in enumerate(texts):
        mine = talk + (place < over)
        end = slots[-1].start + slots[-1].minutes
        slots.append(Slot(end, text.minutes + mine, f"{text.number}: {text.title}", text.name, mine))
    return (*slots, Slot(minutes - CLOSING, CLOSING, "Closing: which guess was the most wrong, and why?"))
