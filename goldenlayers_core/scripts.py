"""Writing systems: which characters make up words, which scripts write words without spaces, where two parts meet."""

import unicodedata
from functools import lru_cache
from typing import Final

import regex

_UNSPACED: Final = regex.compile(
    r"[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Bopomofo}\p{scx=Yi}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}"
    r"\p{scx=Myanmar}\p{scx=Tibetan}\p{scx=Javanese}\p{scx=Balinese}\p{scx=Tai_Tham}\p{scx=Tai_Le}"
    r"\p{scx=New_Tai_Lue}\p{scx=Tai_Viet}--\p{scx=Hangul}]",
    regex.VERSION1,
)
_HANGUL: Final = regex.compile(r"\p{Hangul}")
_KATAKANA: Final = regex.compile(r"[\p{Katakana}\u30FC\uFF70]")
_PREFIXING: Final = regex.compile(r"[\p{Hebrew}\p{Arabic}]")


@lru_cache(maxsize=65_536)
def in_word(character: str) -> bool:
    """Whether a character is part of a word: letter, mark, digit, underscore."""
    return character == "_" or unicodedata.category(character)[0] in "LMN"


@lru_cache(maxsize=65_536)
def is_unspaced(character: str) -> bool:
    """Whether a letter, mark or digit is of a script that puts no spaces between words (CJK, Thai, Lao, Khmer, ...).

    Hangul does put them, and so is not one.
    """
    return in_word(character) and bool(_UNSPACED.match(character))


@lru_cache(maxsize=65_536)
def is_hangul(character: str) -> bool:
    """Whether a character is Korean (Hangul)."""
    return bool(_HANGUL.match(character))


@lru_cache(maxsize=65_536)
def is_katakana(character: str) -> bool:
    """Whether a character is katakana, which writes foreign names in one run."""
    return bool(_KATAKANA.match(character))


@lru_cache(maxsize=65_536)
def takes_prefixes(character: str) -> bool:
    """Whether a letter is of a script that writes small words (and, in, to, the) in front of a name: Hebrew, Arabic."""
    return bool(_PREFIXING.match(character))


def is_mark(character: str) -> bool:
    """Whether a character belongs to the letter before it: a mark (category M), a joiner, a Hangul vowel in NFD."""
    is_jamo = "\u1160" <= character <= "\u11ff"
    return is_jamo or character in "\u200c\u200d" or unicodedata.category(character)[0] == "M"
