"""Deciding what a greedy answer will say before it is written to its end.

Greedy text only grows at its end, so an answer is settled as soon as nothing that may follow can change the verdict of
`answers.accepts` or `answers.same_answer`. Each function returns True, False, or None: more text is needed.
"""

import re
from collections.abc import Sequence
from typing import Final

from goldenlayers_core.evaluation.answers import accepts, cut_answer, normalise, same_answer
from goldenlayers_core.models.generate import first_answer

_ARTICLES: Final = ("the", "a", "an")
_ENDS_A_WORD: Final = frozenset((*",;:!?)]-", '"', "\u201d", "\u00bb", "\u2014"))  # and nothing after them joins it on


def settled(text: str, aliases: Sequence[str], ended: bool = False) -> bool | None:
    """Whether a greedy text that begins with `text` says an accepted answer. `ended`: nothing follows."""
    if ended or "\n" in text.lstrip():
        return accepts(cut_answer(text), aliases)
    stable, tail = _stable(text)
    if accepts(stable, aliases) and not set(normalise(stable).split()) <= set(_ARTICLES):
        return True
    known, rest = normalise(stable), normalise(tail)
    known = "" if set(known.split()) <= set(_ARTICLES) else known
    if any(_reachable(known, rest, alias) for alias in map(normalise, aliases) if alias):
        return None
    return False


def same_settled(before: str, text: str, aliases: Sequence[str], ended: bool = False) -> bool | None:
    """Whether a greedy text that begins with `text` answers as `before`, a whole answer, did."""
    if ended or "\n" in text.lstrip():
        return same_answer(before, cut_answer(text), aliases)
    accepted_before = accepts(before, aliases)
    if accepted_before and settled(text, aliases):
        return True
    clause = first_answer(before)
    possible = (clause, *aliases) if accepted_before else (clause,)
    if normalise(clause) and settled(text, possible) is False:
        return False
    return None


def _stable(text: str) -> tuple[str, str]:
    """The words that nothing can change any more, and the last one, which may go on."""
    shown = text.lstrip()
    if len(shown) > 1 and shown[-1] in _ENDS_A_WORD and not shown[-2].isdigit():
        return shown, ""
    parts = re.split(r"\s+(?=\S*$)", shown, maxsplit=1)
    return (parts[0], parts[1]) if len(parts) == 2 else ("", shown)


def _reachable(known: str, rest: str, alias: str) -> bool:
    """Whether words `known` (final) and the beginning `rest` of the next may still become the alias.

    What follows may join digits that a comma parts now, so that texts with digits are compared without white space.
    """
    if any(c.isdigit() for c in known + rest):
        said, wanted = (re.sub(r"\W", "", text) for text in (known + rest, alias))
        return wanted.startswith(said) or said.startswith(wanted)
    if known:
        if not alias.startswith(f"{known} "):
            return False
        alias = alias[len(known) + 1 :]
    an_article_may_come = any(article.startswith(rest) for article in _ARTICLES)
    return an_article_may_come or alias.startswith(rest) or rest.startswith(alias)
