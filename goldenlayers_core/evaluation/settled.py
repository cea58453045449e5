"""Deciding what a greedy answer will say before it is written to its end.

Greedy text only grows at its end, so an answer is settled as soon as nothing that may follow can change the verdict of
`answers.accepts` or `answers.same_answer`. Each function returns True, False, or None: more text is needed.
"""

from collections.abc import Sequence

from goldenlayers_core.evaluation.answers import accepts, cut_answer, same_answer
from goldenlayers_core.texts.ends import both_end, common, ended_together
from goldenlayers_core.texts.growing import RISKY, can_agree, could_begin, final_words, may_be_an_article
from goldenlayers_core.texts.match import without_article
from goldenlayers_core.texts.words import Words, words


def settled(text: str, aliases: Sequence[str], ended: bool = False, against: Sequence[str] = ()) -> bool | None:
    """Whether a greedy text that begins with `text` says an accepted answer. `ended`: nothing follows."""
    if ended or "\n" in text.lstrip():
        return accepts(cut_answer(text), aliases, against)
    if RISKY.search(text):
        return None
    found = words(text)
    final = final_words(found)
    if final and accepts(found.text[: found.words[final - 1].end], aliases, against):
        return True
    return None if any(could_begin(found, final, alias) for alias in aliases if alias.strip()) else False


def same_settled(before: str, text: str, aliases: Sequence[str], ended: bool = False) -> bool | None:
    """Whether a greedy text that begins with `text` answers as `before`, a whole answer, did."""
    if ended or "\n" in text.lstrip():
        return same_answer(before, cut_answer(text), aliases)
    said = settled(text, aliases)
    if accepts(before, aliases):
        return said
    if said is not False:
        return None if said is None else False
    found, whole = words(text), without_article(words(before))
    if RISKY.search(text) or not found.words or not whole.words:
        return None
    return _agree_so_far(whole, found, final_words(found))


def _agree_so_far(whole: Words, found: Words, final: int) -> bool | None:
    """Whether a growing text, of which `final` words are final, says the same as a whole one up to where both end."""
    if not final:
        return None if may_be_an_article(found) or can_agree(found.words[0], whole.words[0], False) else False
    said = without_article(found)
    final -= len(found.words) - len(said.words)
    shared = min(common(whole, said), final)
    if shared < final:  # they part, or the whole one ends, at a word that is final
        return ended_together(whole, said, shared)
    if any(both_end(whole, said, place) for place in range(1, shared)):
        return True
    if len(said.words) == shared or len(whole.words) == shared or said.gap(shared).strip():
        return None
    return None if can_agree(said.words[shared], whole.words[shared], False) else False
