"""Where a subject stands in a prompt: its free-standing occurrences, in the prompt's own spelling.

An occurrence stands free when no word goes on across its ends:

    letters, digits, "_"   go on: "Niger" is not in "Nigeria", "B12" not in "B12M", "case" not in "snake_case"
    numbers                have a sign, and points or commas between digits: "100" is not in "-100" or "1,100"
    "#" and "+"            belong to the letter before them: "C" is not in "C++"
    apostrophe, hyphen     end a word: "France" stands in "France's", "Spider" in "Spider-Man"
    scripts without spaces any occurrence counts (CJK, Thai, Lao, ...) that cuts no letter from its marks, one that is
                           no part of a longer run of katakana before others; other scripts beside them end a word
    Hangul                 particles may follow: "서울" stands in "서울의", not in "서울역"
    Hebrew, Arabic         up to three of the letters that are written in front of a name may precede it

Occurrences as the subject is written come first; where there is none, case, width, Unicode form, punctuation, spaces
and accents (of Latin, Greek, Cyrillic) do not count.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import regex

from goldenlayers_core.errors import RequestError
from goldenlayers_core.scripts import in_word, is_hangul, is_katakana, is_mark, is_unspaced, takes_prefixes

Place = tuple[int, int]
"""First character of an occurrence, and the one after its last."""

_PARTICLES: Final = (
    "은 는 이 가 을 를 의 에 에서 에게 에게서 께 께서 한테 한테서 로 으로 로서 으로서 로써 으로써 "
    "와 과 랑 이랑 하고 도 만 까지 부터 마다 처럼 보다 밖에 조차 마저 대로 만큼 뿐 쯤 씩 들 "
    "라 이라 라고 이라고 라는 이라는 란 이란 나 이나 든지 이든지 며 이며 고 이고 여 이여 야 이야 "
    "다 이다 였다 이었다 입니다 인가 인지"
)
_TAIL: Final = regex.compile(
    f"(?:{'|'.join(sorted(_PARTICLES.split(), key=len, reverse=True))}){{1,3}}(?!\\p{{Hangul}})"
)
_CLITICS: Final = regex.compile(r"(?<![\p{L}\p{M}])(?:[ובלכףפ]?[בהוכלמש]{1,3}|[وف]?[بكلس]?(?:ال)?|لل|ولل)$")
_ACCENTED: Final = regex.compile(r"[\p{Latin}\p{Greek}\p{Cyrillic}]")


@lru_cache(maxsize=64)  # a reader asks about a request several times in a row
def occurrences(subject: str, prompt: str) -> tuple[Place, ...]:
    """Where the subject stands free in the prompt, in the prompt's order; empty where it does not."""
    subject = subject.strip()
    found = tuple(_exact(subject, prompt)) if subject else ()
    if chosen := _strict(prompt, found) or _lenient(prompt, found):
        return chosen
    for keeps_accents in (True, False):
        found = tuple(_folded_places(subject, prompt, keeps_accents))
        if chosen := _strict(prompt, found) or _lenient(prompt, found):
            return chosen
    return ()


def place_of(subject: str, prompt: str, at: int | None = None) -> Place:
    """Where the subject is taken to stand: at character `at` where that is given, else its first free occurrence.

    Raises RequestError, in one sentence, when it is not in the prompt, or only inside another word.
    """
    if at is not None:
        check_place(subject, prompt, at)
        return at, at + len(subject)
    if found := occurrences(subject, prompt):
        return found[0]
    inside = next(_exact(subject.strip(), prompt), None) if subject.strip() else None
    if inside:
        raise RequestError(
            f"The subject {subject!r} is not in the prompt {prompt!r} as a word of its own, only inside "
            f"{_word_around(prompt, inside)!r}; write the prompt so that it contains it."
        )
    raise RequestError(
        f"The subject {subject!r} is not in the prompt {prompt!r}; write the prompt so that it contains it."
    )


def check_place(subject: str, prompt: str, at: int) -> None:
    """Raises RequestError unless the prompt has the subject, letter by letter, at character `at`."""
    if at < 0 or not subject or not prompt.startswith(subject, at):
        raise RequestError(
            f"The subject {subject!r} does not stand at character {at} of the prompt {prompt!r}; "
            "give the character, counted from 0, where it begins."
        )


def _exact(subject: str, prompt: str) -> Iterator[Place]:
    at = prompt.find(subject)
    while at >= 0:
        yield at, at + len(subject)
        at = prompt.find(subject, at + 1)


def _strict(prompt: str, found: tuple[Place, ...]) -> tuple[Place, ...]:
    if prompt.isascii() and all(f" {prompt} "[start : end + 2 : end + 1 - start] == "  " for start, end in found):
        return found  # between blanks, as nearly always
    return tuple(p for p in found if not _goes_on_left(prompt, p[0]) and not _goes_on_right(prompt, *p))


def _lenient(prompt: str, found: tuple[Place, ...]) -> tuple[Place, ...]:
    """Those inside a run of katakana, or behind small words of Hebrew and Arabic."""

    def left(at: int) -> bool:
        if not _goes_on_left(prompt, at) or is_katakana(prompt[at - 1]):
            return True
        return takes_prefixes(prompt[at]) and bool(_CLITICS.search(prompt[:at]))

    def right(start: int, end: int) -> bool:
        return not _goes_on_right(prompt, start, end) or (is_katakana(prompt[end]) and not is_mark(prompt[end]))

    return tuple(p for p in found if left(p[0]) and right(*p))


def _goes_on_left(prompt: str, at: int) -> bool:
    """Whether the word at `at` began before it."""
    if at == 0:
        return False
    before, first = prompt[at - 1], prompt[at]
    if is_mark(first):
        return True
    if first.isdigit() and at > 1:
        earlier = prompt[at - 2]
        if before in ".," and earlier.isdigit():
            return True
    if first.isdigit() and before in "-\u2212+" and (at == 1 or not in_word(prompt[at - 2])):
        return True
    return _same_word(before, first)


def _goes_on_right(prompt: str, start: int, end: int) -> bool:
    """Whether the word before `end` goes on behind it."""
    if end == len(prompt):
        return False
    last, after = prompt[end - 1], prompt[end]
    if is_mark(after) and in_word(last):
        return True
    if last.isdigit() and after in ".," and prompt[end + 1 : end + 2].isdigit():
        return True
    if after in "#+" and last.isalpha() and not is_unspaced(last):
        rest = prompt[end:].lstrip("#+")
        return not rest or not in_word(rest[0])
    if is_hangul(after) and _TAIL.match(unicodedata.normalize("NFC", prompt[end:])):
        return False
    return _same_word(last, after)


def _same_word(one: str, other: str) -> bool:
    """Whether two neighbouring characters are of one word."""
    if not (in_word(one) and in_word(other)):
        return False
    if is_unspaced(one) or is_unspaced(other):
        return is_katakana(one) and is_katakana(other)
    return is_hangul(one) == is_hangul(other) or not (one.isalnum() and other.isalnum())


def _folded_places(subject: str, prompt: str, keeps_accents: bool) -> Iterator[Place]:
    """Where the prompt says the same apart from case, width, Unicode form, punctuation and spaces."""
    wanted = "".join(text for text, _, _ in _folded(subject, keeps_accents))
    if len(wanted) < 2 and wanted.isascii():  # one letter would match anything
        return
    pieces = list(_folded(prompt, keeps_accents))
    text = "".join(piece for piece, _, _ in pieces)
    starts, ends, length = {}, {}, 0
    for piece, start, end in pieces:
        starts[length], length = start, length + len(piece)
        ends[length] = end
    at = text.find(wanted)
    while at >= 0:
        if at in starts and at + len(wanted) in ends:  # no part of a character ("ß" is "ss")
            yield starts[at], ends[at + len(wanted)]
        at = text.find(wanted, at + 1)


def _folded(text: str, keeps_accents: bool) -> Iterator[tuple[str, int, int]]:
    """(folded letters, first character, one past the last) of every letter with its marks."""
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and (is_mark(text[end]) or text[end] in "\uff9e\uff9f"):  # half-width voicing marks
            end += 1
        plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text[start:end]).casefold())
        drops = not keeps_accents and _ACCENTED.match(plain)
        kept = "".join(c for c in plain if c.isalnum() or (is_mark(c) and c not in "\u200c\u200d" and not drops))
        if kept and not is_mark(kept[0]):
            yield kept, start, end
        start = end


def _word_around(prompt: str, place: Place) -> str:
    """The letters and digits that an occurrence is part of."""
    start, end = place
    while start > 0 and in_word(prompt[start - 1]):
        start -= 1
    while end < len(prompt) and in_word(prompt[end]):
        end += 1
    return prompt[start:end]
