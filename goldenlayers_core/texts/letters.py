"""Letters and the marks on them: which are part of the letter, and which a writer may leave out.

A mark (Unicode category M) is part of its letter: a vowel sign of Devanagari or Thai, a voicing mark of kana, the breve
of Cyrillic. These may be left out: diacritics of Latin and Greek letters (and what tells a Latin letter from its plain
form, as in "ł" or "ø"), stress marks and the dots of "ё" in Cyrillic, Hebrew and Arabic vowel points, and the hamza on
an alef.
"""

import unicodedata
from functools import lru_cache
from typing import Final

import regex
from anyascii import anyascii

Letter = tuple[str, frozenset[str]]  # its base with the marks that count, and the marks that may be left out

_IGNORED: Final = regex.compile(
    r"[\p{Cf}\p{Variation_Selector}\u0640\u2122\u00ae\u2120]"
)  # joiners, tatweel, (TM), (R)
_SUPERSCRIPT: Final = regex.compile(r"(?<=\d)(?=[\u2070\u00b9\u00b2\u00b3\u2074-\u2079])")
_FRACTION: Final = regex.compile(r"(?<=\d)(?=[\u00bc-\u00be\u2150-\u215e])")
_ONE_FOR_ANOTHER: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201b\u00b4`\u02bc\u02bb\u02b9\u2032\uff07", "'"),
        **dict.fromkeys("\u2212\ufe63\uff0d\u2010\u2011", "-"),
        "\u266f": "#",  # sharp
        "\u2044": "/",
        "\u06cc": "\u064a",  # the Persian letters yeh and kaf, written as the Arabic ones
        "\u06a9": "\u0643",
    }
)
_SEMITIC: Final = regex.compile(r"[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u0652\u0670\u06d6-\u06ed]")
_HAMZA: Final = frozenset("\u0653\u0654\u0655")
_LATIN_OR_GREEK: Final = regex.compile(r"[\p{Latin}\p{Greek}]")
_LATIN: Final = regex.compile(r"\p{Latin}")
_CYRILLIC: Final = regex.compile(r"\p{Cyrillic}")


def prepared(text: str) -> str:
    """`text` in one form (NFKC) with one apostrophe and one hyphen, without characters that show nothing."""
    text = _FRACTION.sub(" ", _SUPERSCRIPT.sub("^", text))
    one = unicodedata.normalize("NFKC", _IGNORED.sub("", text.translate(_ONE_FOR_ANOTHER)))
    return _IGNORED.sub("", one.translate(_ONE_FOR_ANOTHER))


@lru_cache(maxsize=4096)
def letters(word: str) -> tuple[Letter, ...]:
    """The letters of a prepared word, case folded. The optional marks are on the letter before them."""
    found: list[tuple[str, set[str]]] = []
    for character in unicodedata.normalize("NFD", word).casefold():
        if found and unicodedata.category(character)[0] == "M":
            base, optional = found[-1]
            if _may_be_left_out(base[0], character):
                optional.add(character)
            else:
                found[-1] = (base + character, optional)
        elif not character.isascii() and _LATIN.match(character):
            plain = anyascii(character).lower() or character
            found += [(c, {character}) for c in plain]
        else:
            found.append((character, set()))
    return tuple((base, frozenset(optional)) for base, optional in found)


def _may_be_left_out(base: str, mark: str) -> bool:
    if _SEMITIC.match(mark) or (base == "\u0627" and mark in _HAMZA):
        return True
    if _CYRILLIC.match(base):
        return mark in "\u0300\u0301" or (base == "\u0435" and mark == "\u0308")
    return bool(_LATIN_OR_GREEK.match(base))


def agree(one: tuple[Letter, ...], other: tuple[Letter, ...]) -> bool:
    """Whether two words are the same but for marks that one of them leaves out."""
    return len(one) == len(other) and begins(one, other)


def begins(whole: tuple[Letter, ...], start: tuple[Letter, ...]) -> bool:
    """Whether a word begins with the letters of another, but for marks that one of them leaves out."""
    return len(start) <= len(whole) and all(
        a == b and (m <= n or n <= m) for (a, m), (b, n) in zip(whole, start, strict=False)
    )


def exact(one: tuple[Letter, ...], other: tuple[Letter, ...]) -> bool:
    """Whether two words have the same letters and marks; vowel points alone may be left out."""
    return len(one) == len(other) and all(
        a == b and (m == n or (_points(m | n) and (m <= n or n <= m)))
        for (a, m), (b, n) in zip(one, other, strict=False)
    )


def _points(marks: frozenset[str]) -> bool:
    return all(_SEMITIC.match(mark) for mark in marks)
