"""When one text says, or begins with, another.

Two words agree when their letters do, whatever their case, also where one of them lacks marks that a writer may leave
out; two numbers when their values do; two symbols as written. An article in front may be missing on either side.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

import regex

from goldenlayers_core.texts.letters import agree, begins, exact, prepared
from goldenlayers_core.texts.letters import letters as letters_of
from goldenlayers_core.texts.lists import ARTICLES, DERIVED, JOSA, PLACES, TURKISH
from goldenlayers_core.texts.words import Word, Words, ends_a_word, words

_ELIDED: Final = regex.compile(r"l'(?=\p{L})")
_SPOILING: Final = regex.compile(
    r"[+^&@$\u2605\u2606\u266d\u266e\-]|[#*](?![#*])"
)  # a symbol written on to a name makes another


def variants(found: Words) -> Iterator[tuple[Word, ...]]:
    """The words of a text as they stand, and without an article in front."""
    given = found.words
    yield given
    if not given or given[0].kind != "word":
        return
    first = given[0]
    if elided := _ELIDED.match(first.text):
        rest = first.text[elided.end() :]
        yield (Word("word", rest, letters_of(rest), "", first.start + 2, first.end, False, False), *given[1:])
    if len(given) > 1 and found.gap(1).isspace() and _is_article(first.text, given[1].text):
        yield given[1:]
    if first.text.startswith("\u0627\u0644") and len(first.letters) > 4:  # Arabic, written on to its word
        rest = first.text[2:]
        yield (Word("word", rest, letters_of(rest), "", first.start + 2, first.end, False, False), *given[1:])


def without_article(found: Words) -> Words:
    """A text without an article in front, where something follows it."""
    *_, shortest = variants(found)
    return Words(found.text, shortest)


def _is_article(text: str, following: str) -> bool:
    if text in ARTICLES or text.casefold() == "the":
        return True
    return text in ("A", "An") and following[0].islower()


def equal(one: Word, other: Word, strictly: bool = False) -> bool:
    """Whether two words are the same; `strictly`: also in marks that a writer may leave out."""
    if one.kind != other.kind:
        return False
    if one.kind == "word":
        return (exact if strictly else agree)(one.letters, other.letters)
    return one.value == other.value


def same_text(one: str, other: str) -> bool:
    """Whether two answers of one request are the same: every mark counts here, for it may be all that tells them apart.

    Case, white space, punctuation and an article in front do not count.
    """
    if not words(one).words or not words(other).words:
        return " ".join(one.split()) == " ".join(other.split())
    return any(
        len(a) == len(b) and all(equal(x, y, strictly=True) for x, y in zip(a, b, strict=True))
        for a in variants(words(one))
        for b in variants(words(other))
    )


def begins_with(text: str, answer: str, against: Sequence[str] = ()) -> bool:
    """Whether `text` begins with `answer`, and a word ends there.

    `against` are other answers to the same question: where the text says one of them as well, because they differ in
    marks only, it must say `answer` mark by mark.
    """
    if all(word.kind == "symbol" for word in words(answer).words):
        return _begins_as_written(text, answer)
    if _begins(text, answer, strictly=True):
        return True
    return _begins(text, answer) and not any(_begins(text, other) and _alike(answer, other) for other in against)


def _alike(one: str, other: str) -> bool:
    """Whether two answers differ at most in marks that may be left out."""
    a, b = words(one).words, words(other).words
    return len(a) == len(b) and all(x.plain == y.plain for x, y in zip(a, b, strict=True))


def _begins_as_written(text: str, answer: str) -> bool:
    """Of answers without a word: character by character, and nothing is written on to it but a mark that ends it."""
    wanted, said = prepared(answer).strip(), prepared(text).strip()
    rest = said[len(wanted) :]
    if not wanted or not said.startswith(wanted):
        return False
    return not rest or not (rest[0] == wanted[-1] or regex.match(r"[\p{L}\p{M}\p{N}\p{S}]", rest))


def _begins(text: str, answer: str, strictly: bool = False) -> bool:
    found = words(text)
    return any(
        _ends_there(found.text, said, wanted, strictly)
        for said in (*variants(found), *_without_currency(found))
        for wanted in variants(words(answer))
    )


def _without_currency(found: Words) -> Iterator[tuple[Word, ...]]:
    """Without a currency written on to the number behind it: "$5" says 5, as "5 dollars" does."""
    symbol, number = (*found.words[:2], None, None)[:2]
    if symbol and number and number.kind == "number" and number.glued and regex.fullmatch(r"\p{Sc}", symbol.text):
        yield found.words[1:]


def _ends_there(text: str, said: Sequence[Word], wanted: Sequence[Word], strictly: bool) -> bool:
    n = len(wanted)
    if len(said) < n or not all(equal(a, b, strictly) for a, b in zip(said[: n - 1], wanted[:-1], strict=True)):
        return False
    last, end = said[n - 1], wanted[-1]
    if not equal(last, end, strictly):
        return last.kind == "word" == end.kind and begins(last.letters, end.letters) and _only_a_particle(last, end)
    if n == len(said):
        return True
    return not (_goes_on(text, wanted, last, said[n]) if said[n].glued else _is_hyphenated(text, last, said[n]))


def _is_hyphenated(text: str, last: Word, following: Word) -> bool:
    """Whether a hyphen and a capital letter make a longer name: "Guinea-Bissau", but not "Rome-based"."""
    return text[last.end : following.start] == "-" and last.kind == "word" and following.text[:1].isupper()


def _only_a_particle(said: Word, wanted: Word) -> bool:
    """Whether what is written on to the answer is a Korean particle, or a Turkish ending behind an apostrophe."""
    count = len(wanted.letters)
    rest = "".join(base for base, _ in said.letters[count:])
    if regex.match(r"\p{Hangul}", rest):
        return JOSA.fullmatch(unicodedata.normalize("NFC", rest)) is not None
    head, apostrophe, _ = said.text.rpartition("'")
    return bool(apostrophe) and len(letters_of(head.replace("'", ""))) == count and bool(TURKISH.fullmatch(rest))


def _goes_on(text: str, wanted: Sequence[Word], last: Word, following: Word) -> bool:
    """Whether what is written on to the answer makes another word of it."""
    if following.kind == "symbol":
        return last.kind == "word" and _SPOILING.match(following.text) is not None
    if not following.is_spaceless:
        return not last.is_spaceless and not regex.match(r"\p{Hangul}", following.text)
    if not last.is_spaceless:
        return False  # another script begins
    if following.text in DERIVED:
        return True
    if following.text in PLACES and len(wanted) > 1:
        return False
    return not ends_a_word(text, following.start)


def goes_on_as_a_word(text: str, answer: str) -> bool:
    """Whether `text` begins with the letters of `answer` and goes on with the same word: "Aluminum" for "Al"."""
    if begins_with(text, answer):
        return False
    found = words(text)
    return any(_goes_on_with(found.text, a, b) for a in variants(found) for b in variants(words(answer)))


def _goes_on_with(text: str, said: Sequence[Word], wanted: Sequence[Word]) -> bool:
    n = len(wanted)
    if not wanted or len(said) < n or not all(equal(a, b) for a, b in zip(said[: n - 1], wanted[:-1], strict=True)):
        return False
    last, end = said[n - 1], wanted[-1]
    if equal(last, end):
        return n < len(said) and (said[n].glued or _is_hyphenated(text, last, said[n]))
    return last.kind == end.kind == "word" and begins(last.letters, end.letters)


def spelled_plainly(text: str) -> str:
    """`text` as its words are compared, parted by one space: lower case, without marks that may be left out."""
    found = words(text)
    given = list(variants(found))
    shortest = given[-1] if len(given) > 1 else found.words
    return " ".join(word.plain for word in shortest)
