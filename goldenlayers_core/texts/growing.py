"""Texts that still grow at their end: which of their words nothing can change any more, and what they may still say.

A plain word is final as soon as another follows it. Initials, numbers, symbols and scripts without spaces may grow
together with what comes, so that they are final later or never.
"""

from typing import Final

import regex

from goldenlayers_core.texts.letters import begins, prepared
from goldenlayers_core.texts.lists import ARTICLES
from goldenlayers_core.texts.match import equal, variants
from goldenlayers_core.texts.words import Word, Words, words

RISKY: Final = regex.compile(r"[*_#&`\ufffd]|\p{Cf}")  # what follows may make something else of these
_PLAIN: Final = regex.compile(r"[\p{Latin}\p{Cyrillic}\p{Greek}\p{M}']+")
_ENDS_A_WORD: Final = regex.compile(r"[,;:!?)\]\u201d\u00bb\u2014]\s?")


def final_words(found: Words) -> int:
    """How many of the first words, and what stands behind each of them, nothing that follows can change."""
    count = 0
    for place, word in enumerate(found.words):
        counted = word.kind == "number" and place + 1 < len(found.words) and not found.words[place + 1].glued
        if not _is_final(found, place + counted):
            break
        count = place + 1
    return count


def _is_final(found: Words, place: int) -> bool:
    word, gap = found.words[place], found.gap(place + 1)
    if word.kind != "word" or word.is_spaceless or not _PLAIN.fullmatch(word.text):
        return False
    if place + 1 == len(found.words):
        return len(word.letters) > 1 and _ENDS_A_WORD.fullmatch(gap) is not None
    following = found.words[place + 1]
    initial = len(word.letters) == 1 and "." in gap
    return not initial and not following.glued and not following.is_spaceless and gap not in ("'", "-")


def may_be_an_article(found: Words) -> bool:
    """Whether the first word, which may grow, may still become an article."""
    first = found.words[0].text.casefold()
    return any(article.startswith(first) for article in ARTICLES) or first.startswith("l'")


def can_agree(word: Word, wanted: Word, is_final: bool, is_last: bool = False) -> bool:
    """Whether a word of a growing text is, or may become, another one; `is_last`: or that one and a particle."""
    if "symbol" in (word.kind, wanted.kind):
        return True
    if word.kind != wanted.kind or word.is_spaceless != wanted.is_spaceless:
        return False
    if is_final and equal(word, wanted):
        return True
    if word.kind == "number" or word.is_spaceless or not _PLAIN.fullmatch(word.text):
        return not is_final
    if is_final:
        return is_last and begins(word.letters, wanted.letters)
    return begins(word.letters, wanted.letters) or begins(wanted.letters, word.letters)


def could_begin(found: Words, final: int, answer: str) -> bool:
    """Whether a text of which `final` words are final may still come to begin with `answer`."""
    wanted = words(answer)
    if not found.words or (final == 0 and may_be_an_article(found)):
        return True
    if all(word.kind == "symbol" for word in wanted.words):
        text, whole = found.text.strip(), prepared(answer).strip()
        return text.startswith(whole) or whole.startswith(text)
    for said in variants(found):
        settled = final - (len(found.words) - len(said))
        for target in variants(wanted):
            pairs = zip(
                said[: max(settled, 0) + 1], target, strict=False
            )  # behind the first open word anything may come
            if all(can_agree(a, b, i < settled, i + 1 == len(target)) for i, (a, b) in enumerate(pairs)):
                return True
    return False
