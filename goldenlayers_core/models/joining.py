"""Prompt and answer as one text: where a space stands between them.

One space, where the script parts words by spaces, and none where the prompt ends in

    white space                          "The capital is " + "Rome"
    an opening bracket or quotation mark "France (" + "Rome", 'She said "' + "Rome", "« " and „ and 「 likewise
    a hyphen, a slash, a dash in a word  "Spider-" + "Man", "km/" + "h"
    an elided word                       "l'" + "Italie"
    a mark that is as wide as a letter   "首都。" + "Rome"
    a letter of a script without spaces  "日本の首都は" + "京都", also "中国的首都是" + "Beijing"

The prompt's last letter decides, so that an English sentence keeps its space before 京都; where the prompt ends in
another script inside such a sentence ("開発元はSony" + "株式会社"), an answer that begins in one joins without a space.
Whether a quotation mark opens follows from the marks before it: what is open is closed by its partner.
White space in front of an answer is no part of it.
"""

import unicodedata
from typing import Final

import regex

from goldenlayers_core.scripts import in_word, is_hangul, is_unspaced

_HYPHENS: Final = "-\u2010\u2011\u05be/\u2044"
_DASHES: Final = "\u2012\u2013\u2014\u2015\u301c~"
_APOSTROPHES: Final = "'\u2019"
_CLOSES: Final = {  # an opened mark: what closes it
    '"': '"',
    "'": "'",
    "\u201c": "\u201d",
    "\u201e": "\u201c\u201d",
    "\u201d": "\u201d",
    "\u201f": "\u201d",
    "\u2018": "\u2019",
    "\u201a": "\u2018\u2019",
    "\u2019": "\u2019",
    "\u00ab": "\u00bb",
    "\u00bb": "\u00ab\u00bb",
    "\u2039": "\u203a",
    "\u203a": "\u2039\u203a",
}
_OPENERS: Final = "\u201c\u201e\u201f\u2018\u201a\u00ab\u2039"  # wherever they stand, unless they close one
_QUOTES: Final = frozenset(_CLOSES) | frozenset("".join(_CLOSES.values()))
_ELIDED: Final = regex.compile(
    r"(?i)(?<![\p{L}\p{M}\p{N}])(?:[cdjlmnstz]|qu|lorsqu|puisqu|jusqu|quelqu|un|gl|dell|all|nell|sull|dall|coll|quest|quell|"
    r"sant|cent|mezz|bell|o)['\u2019]$"
)


def spaced(prompt: str, answer: str) -> str:
    """The answer as it follows the prompt: with one space before it where one belongs there, else with none."""
    text = answer.lstrip(" \t")
    return text if not prompt or text[:1].isspace() or _joins(prompt, text[:1]) else f" {text}"


def joined(prompt: str, answer: str) -> str:
    """Prompt and answer as one text."""
    return prompt + spaced(prompt, answer)


def _joins(prompt: str, first: str) -> bool:
    """Whether what follows the prompt, beginning with the character `first`, needs no space before it."""
    last = prompt[-1]
    if last.isspace() or last in _HYPHENS or last in "\u00bf\u00a1":
        return True
    if last in _DASHES and len(prompt) > 1 and not prompt[-2].isspace():
        return True
    if last in _QUOTES:
        if opens(prompt) or (last in _APOSTROPHES and _ELIDED.search(prompt)):
            return True
    elif unicodedata.category(last) in ("Ps", "Pi"):
        return True
    if not in_word(last) and unicodedata.east_asian_width(last) in "WF" and not is_hangul(last):
        return True
    return _without_spaces(prompt, first)


def _without_spaces(prompt: str, first: str) -> bool:
    letters = (c for c in reversed(prompt) if unicodedata.category(c)[0] in "LM")
    if is_unspaced(next(letters, "")[:1] or " "):
        return True
    return bool(first) and is_unspaced(first) and any(map(is_unspaced, prompt))


def opens(prompt: str) -> bool:
    """Whether the quotation mark that ends the prompt opens a quotation."""
    waiting: list[str] = []
    opened = False
    for place, mark in enumerate(prompt):
        if mark not in _QUOTES:
            continue
        before, after = prompt[place - 1 : place], prompt[place + 1 : place + 2]
        if mark in _APOSTROPHES and before and in_word(before) and after and in_word(after):
            opened = False  # an apostrophe
        elif waiting and mark in _CLOSES[waiting[-1]]:
            waiting.pop()
            opened = False
        else:
            opened = mark in _OPENERS or not _ends_word(before, mark)
            if opened:
                waiting.append(mark)
    return opened


def _ends_word(before: str, mark: str) -> bool:
    """Whether a mark behind `before` is no quotation mark there: feet, inches, elisions, possessives."""
    if not before:
        return False
    return (in_word(before) and not is_unspaced(before)) or (mark in _APOSTROPHES and before == ".")
