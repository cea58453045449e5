"""When a text says an accepted answer, and when two texts answer alike (docs/judging.md).

The words, numbers and symbols that count are those of `texts`; what is decided here is which of them must agree.
"""

from collections.abc import Sequence
from typing import Final

from goldenlayers_core.results import View
from goldenlayers_core.texts import JUDGEMENT as JUDGEMENT
from goldenlayers_core.texts import agree_to_the_end, begins_with, goes_on_as_a_word, spelled_plainly, words

LONG_WORDS: Final = (
    32  # a longer answer is judged by its tokens, one by one, and not by a text that had to end somewhere
)
LONG_CHARACTERS: Final = 200


def normalise(text: str) -> str:
    """`text` as its words are compared: lower case, numbers by value, no article in front, parted by one space."""
    return spelled_plainly(text)


def accepts(answer_text: str, aliases: Sequence[str], against: Sequence[str] = ()) -> bool:
    """Whether the text begins with one of the aliases, and a word ends there.

    `against` are other answers to the same question: where one of them differs from the alias only in marks that a
    writer may leave out ("B\u00e4r", "Bar"), these marks must be as in the alias.
    """
    return any(begins_with(answer_text, alias, against) for alias in aliases)


def same_answer(before: str, after: str, aliases: Sequence[str] = ()) -> bool:
    """Whether two continuations answer alike.

    Where one of them says an accepted answer, both must. Otherwise their words must be the same up to a place where the
    answer has ended in both: the end of the text, a line or a sentence, or a pause that no name follows.
    """
    accepted = accepts(before, aliases), accepts(after, aliases)
    return all(accepted) if any(accepted) else agree_to_the_end(before, after)


def written_on(answer_text: str, aliases: Sequence[str]) -> bool:
    """Whether the text says no accepted answer, but begins with one and writes it on: "Aluminum" for "Al"."""
    return not accepts(answer_text, aliases) and any(goes_on_as_a_word(answer_text, alias) for alias in aliases)


def is_long(answer: str) -> bool:
    """Whether an answer is judged by its tokens: it has a line break, or is longer than a greedy text is written."""
    text = answer.strip()
    return "\n" in text or len(text) > LONG_CHARACTERS or len(words(text).words) > LONG_WORDS


def says(view: View, answers: Sequence[str], against: Sequence[str] = ()) -> bool:
    """Whether what the model says is an accepted answer: by its greedy text, or, where the first answer is long, by its
    tokens, every one of which must be the likeliest after those before it."""
    short = [answer for answer in answers if not is_long(answer)]
    if answers and is_long(answers[0]) and view.target_new_agreement == 1.0:
        return True
    return accepts(view.answer, short, against)


def cut_answer(continuation: str) -> str:
    """A continuation up to its first line break, without outer white space."""
    return continuation.strip().split("\n", 1)[0].strip()
