"""What a prompt seems to be about, where a file names no subjects. Only a proposal: a person confirms it."""

import re
from collections.abc import Sequence
from typing import Final

from goldenlayers_core.records import Dataset

_OPENING, _CLOSING = '\u201c\u300c\u300e\u300a\u00ab"', '\u201d\u300d\u300f\u300b\u00bb"'
_QUOTED: Final = re.compile(f"[{_OPENING}]([^{_CLOSING}]+)[{_CLOSING}]")
_WORD: Final = re.compile(r"[^\W_][\w'\u2019.&-]*[^\W_.]|[^\W_]")
_SMALL: Final = re.compile(
    "(an?|and|are|at|by|did|do|does|for|from|ha[ds]|have|how|in|is|its?|name|of|on|or|tell|that|the|their|these|this|"
    "to|was|were|what|when|where|which|whom?|whose|why|will|with)"
)
_JOINING: Final = re.compile("(of|the|and|de|da|di|la|le|van|von|der|du)")


def propose(prompt: str, rephrases: Sequence[str] = ()) -> str:
    """The words of `prompt` that look most like its subject; "" where none do.

    In this order: a title in quotation marks, the longest run of words that begin with a capital, the longest run of
    words that a rephrase has, too.
    """
    quoted = [title for found in _QUOTED.finditer(prompt) if (title := str(found.group(1)).strip())]
    if quoted:
        return max(quoted, key=len)
    words = list(_WORD.finditer(prompt))
    named = _runs(prompt, words, [_is_name(word, place == 0) for place, word in enumerate(words)])
    shared = [text for text in named if any(text in other for other in rephrases)]
    if named:
        return max(shared or named, key=len)
    others = [{w.group().casefold() for w in _WORD.finditer(text)} for text in rephrases]
    common = [
        not _SMALL.fullmatch(w.group().casefold()) and any(w.group().casefold() in o for o in others) for w in words
    ]
    return max(_runs(prompt, words, common), key=len, default="")


def proposed_subjects(found: Dataset) -> tuple[tuple[int, str, str], ...]:
    """(row, prompt, proposed subject or "") of every request that has no subject."""
    refused = {issue.row for issue in found.reported}
    rows = (row for row in range(1, found.n_records + 1) if row not in refused)
    return tuple(
        (row, request.prompt, propose(request.prompt, [probe.prompt for probe in request.rephrases]))
        for row, request in zip(rows, found.requests, strict=True)
        if not request.subject
    )


def _is_name(word: re.Match[str], is_first: bool) -> bool:
    text = word.group()
    return text[0].isupper() and not (is_first and _SMALL.fullmatch(text.casefold()))


def _runs(prompt: str, words: Sequence[re.Match[str]], wanted: Sequence[bool]) -> list[str]:
    """The stretches of the prompt whose words are wanted, small joining words inside them included."""
    runs: list[str] = []
    start: int | None = None
    before = 0  # where the word before ends
    for word, is_wanted in zip(words, wanted, strict=True):
        follows = start is not None and not prompt[before : word.start()].strip()
        before = word.end()
        if is_wanted:
            start = start if follows else word.start()
            runs.append(prompt[start:before])
        elif not (follows and _JOINING.fullmatch(word.group().casefold())):
            start = None  # a joining word belongs to the run if a wanted one follows: "Bank of England"
    return runs
