"""Where an answer has ended, looked at only where two texts part, or where one is quoted.

A full stop after an initial, an abbreviation or a list number ends nothing, nor does one before a digit or a small
letter. A comma, bracket, colon or dash ends an answer unless a name, a number or the next item of a list follows.
"""

from typing import Final, Literal

import regex

from goldenlayers_core.texts.lists import ABBREVIATIONS, CLOSING, CLOSING_JOSA, FUNCTION_WORDS
from goldenlayers_core.texts.match import equal, without_article
from goldenlayers_core.texts.words import Word, Words, ends_a_word, words

Ending = Literal["end", "name", "list", ""]

_STOP: Final = regex.compile(r"[\n!?;\u0589\u061b\u061f\u06d4\u0964\u0965\u1362\u104b\u17d4\u0f0d\u3002\u2026]|\.{3}")
_PAUSE: Final = regex.compile(r"[,:(\[\u060c\u1363\u104a\u3001\u055d]|\s[-\u2013\u2014]+\s|\u2014")
_VOWEL: Final = regex.compile(
    r"[aeiouy\u0430\u0435\u0438\u043e\u0443\u044b\u044d\u044e\u044f\u0456\u03b1\u03b5\u03b7\u03b9\u03bf\u03c5\u03c9]"
)


def is_cased(word: Word) -> bool:
    """Whether a word is of a script whose capital letters say something (those of Georgian are for headlines)."""
    return word.text[:1].lower() != word.text[:1].upper() and not regex.match(r"\p{Georgian}", word.text)


def ending(found: Words, place: int) -> Ending:
    """How an answer of the first `place` words ends there: for good ("end"), by a pause before a name or a number
    ("name"), by one before an item of a list, or not at all ("")."""
    gap = found.gap(place)
    if place == len(found.words) or _STOP.search(gap) or "\n" in gap:
        return "end"
    last, following = found.words[place - 1], found.words[place]
    if gap.startswith(".") or last.text.endswith("."):
        stopped = not _abbreviates(last, following, place) and not _PAUSE.search(gap)
        if stopped:
            return "end"
    if pause := _PAUSE.search(gap):
        return _paused(pause.group().strip(), last, following)
    if following.is_spaceless and following.glued and CLOSING.match(found.text, following.start):
        return "end" if ends_a_word(found.text, following.start) else ""
    return ""


def _abbreviates(last: Word, following: Word, place: int) -> bool:
    """Whether a full stop behind `last` abbreviates or counts, rather than ends a sentence."""
    if following.kind == "number" or (is_cased(following) and following.text[:1].islower()):
        return True
    if following.text.casefold() in FUNCTION_WORDS:
        return False
    if last.kind == "number":
        return (place == 1 or (place == 2 and last.glued)) and len(last.plain) <= 2
    if last.text.endswith(".") or len(last.letters) == 1:
        return True
    return last.plain in ABBREVIATIONS or (is_cased(last) and len(last.letters) <= 4 and not _VOWEL.search(last.plain))


def _paused(mark: str, last: Word, following: Word) -> Ending:
    if following.kind == "number":
        return "name"
    if not is_cased(following):
        return "list" if mark == "\u3001" else "end"
    if following.text.casefold() in FUNCTION_WORDS:
        return "end"
    if following.text[:1].isupper():
        return "name"
    return "end" if last.kind != "word" or not is_cased(last) or last.text[:1].isupper() else "list"


def agree_to_the_end(one: str, other: str) -> bool:
    """Whether two texts say the same words up to a place where the answer has ended in both; not counting an article
    in front."""
    a, b = without_article(words(one)), without_article(words(other))
    if not a.words or not b.words:
        return " ".join(one.split()) == " ".join(other.split())
    return ended_together(a, b, common(a, b))


def common(a: Words, b: Words) -> int:
    """The number of words that two texts have in common at their beginning."""
    count = 0
    while count < min(len(a.words), len(b.words)) and equal(a.words[count], b.words[count]):
        count += 1
    return count


def ended_together(a: Words, b: Words, shared: int) -> bool:
    """Whether an answer has ended in both texts at one of the first `shared` words, which they share."""
    if shared == len(a.words) == len(b.words) or _korean(a, b, shared):
        return True
    return any(both_end(a, b, place) for place in range(1, shared + 1))


def both_end(a: Words, b: Words, place: int) -> bool:
    """Whether an answer of the first `place` words has ended in both texts; or in one, where the other adds a name to
    it behind a pause ("Paris" and "Paris, France")."""
    endings = {ending(a, place), ending(b, place)}
    return "end" in endings and endings <= {"end", "name"}


def _korean(a: Words, b: Words, shared: int) -> bool:
    """Whether the words in which two texts part are one name with two particles that end it."""
    if shared >= min(len(a.words), len(b.words)):
        return False
    one, other = a.words[shared].text, b.words[shared].text
    if not regex.fullmatch(r"\p{Hangul}+", one + other):
        return False
    return any(
        CLOSING_JOSA.fullmatch(one[n:]) is not None and CLOSING_JOSA.fullmatch(other[n:]) is not None
        for n in range(1, min(len(one), len(other)) + 1)
        if one[:n] == other[:n]
    )


def first_clause(text: str, at_names: bool = False) -> str:
    """The part of a text that answers, as it is written: its first line up to where the answer ends.

    `at_names`: also up to a pause before a name or an item of a list, and to "and" ("Paris" of "Paris, France").
    """
    line = text.strip().split("\n", 1)[0].strip()
    found = words(line)
    for place in range(1, len(found.words)):
        ended = ending(found, place)
        if ended == "end" or (at_names and (ended or found.words[place].text == "and")):
            return _as_written(line, place)
    return line.rstrip(".,;!?\u3002").strip()


def _as_written(line: str, place: int) -> str:
    """The shortest beginning of a line that holds its first `place` words."""
    wanted = [(w.kind, w.plain) for w in words(line).words[:place]]
    for length in range(1, len(line) + 1):
        found = words(line[:length]).words
        if len(found) == place and [(w.kind, w.plain) for w in found] == wanted:
            return line[:length].strip()
    return line
