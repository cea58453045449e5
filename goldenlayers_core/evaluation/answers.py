"""When a text says an accepted answer."""

import re
import unicodedata
from collections.abc import Sequence

from goldenlayers_core.models.generate import first_answer

_WITHOUT_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")  # scripts that do not part words


def normalise(text: str) -> str:
    """`text` for comparison: NFKC, case folded, without punctuation and articles, words parted by one space.

    Dots and apostrophes join what they stand in ("U.S." is "us"), except between digits; commas between digits vanish;
    other punctuation parts words.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)|(?<!\d)\.(?=\w)|(?<=\w)\.(?!\d)|['\u2019\u2018`]", "", plain)
    kept = "".join(c if c.isalnum() or unicodedata.combining(c) or c == "." else " " for c in plain)
    words = [word.strip(".") for word in kept.split()]
    with_meaning = [word for word in words if word and word not in ("the", "a", "an")]
    return " ".join(with_meaning or [word for word in words if word])


def accepts(answer_text: str, aliases: Sequence[str]) -> bool:
    """Whether the text begins with one of the aliases, both normalised, and a word ends there."""
    text = normalise(answer_text)
    return any(_begins_with(text, alias) for alias in map(normalise, aliases) if alias)


def _begins_with(text: str, alias: str) -> bool:
    if not text.startswith(alias):
        return False
    rest = text[len(alias) :]
    return not rest or rest[0] == " " or unicodedata.name(alias[-1], "").startswith(_WITHOUT_SPACES)


def same_answer(before: str, after: str, aliases: Sequence[str] = ()) -> bool:
    """Whether two continuations answer alike: both accepted, or equal, normalised, in their first clause."""
    if accepts(before, aliases) and accepts(after, aliases):
        return True
    return normalise(first_answer(before)) == normalise(first_answer(after))


def cut_answer(continuation: str) -> str:
    """A continuation up to its first line break, without outer white space."""
    return continuation.strip().split("\n", 1)[0].strip()
