"""The rules by which answers were judged before 27 November 2026 ("answers-1"), frozen, to compare with today's."""

import re
import unicodedata
from collections.abc import Sequence

WITHOUT_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


def normalise(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)|(?<!\d)\.(?=\w)|(?<=\w)\.(?!\d)|['\u2019\u2018`]", "", plain)
    kept = "".join(c if c.isalnum() or unicodedata.combining(c) or c == "." else " " for c in plain)
    words = [word.strip(".") for word in kept.split()]
    with_meaning = [word for word in words if word and word not in ("the", "a", "an")]
    return " ".join(with_meaning or [word for word in words if word])


def accepts(answer_text: str, aliases: Sequence[str]) -> bool:
    text = normalise(answer_text)
    return any(_begins_with(text, alias) for alias in map(normalise, aliases) if alias)


def _begins_with(text: str, alias: str) -> bool:
    if not text.startswith(alias):
        return False
    rest = text[len(alias) :]
    return not rest or rest[0] == " " or unicodedata.name(alias[-1], "").startswith(WITHOUT_SPACES)


def same_answer(before: str, after: str, aliases: Sequence[str] = ()) -> bool:
    if accepts(before, aliases) and accepts(after, aliases):
        return True
    return normalise(first_answer(before)) == normalise(first_answer(after))


def first_answer(continuation: str) -> str:
    line = continuation.strip().split("\n", 1)[0]
    for mark in (". ", ", ", "; ", " and ", " (", "! ", "? "):
        line = line.split(mark, 1)[0]
    return line.strip().rstrip(".,;!?").strip()
