"""Requests that cannot all be written: one prompt with two new targets, one key with two values, and repetitions.

Methods that write at the subject's last token look the fact up by a key, which is made of the prompt up to there: equal
beginnings give equal keys. Every request costs the same, however many share a beginning.
"""

import unicodedata
from dataclasses import dataclass, field
from typing import Any

from goldenlayers_core.datasets.text import shorten, written_key
from goldenlayers_core.records import EditRequest

_NAMED = 5  # rows that the first of a group names


@dataclass
class _Targets:
    """The rows that share something, as far as their targets need to be told apart."""

    first: tuple[int, str]  # row and new target
    other: tuple[int, str] | None = None  # the first with another target
    later: list[int] = field(default_factory=list)  # rows that differ from the first, the first few
    n_later: int = 0

    def differing(self, row: int, target: str) -> tuple[int, str] | None:
        """An earlier row with another target than this one's; this one is remembered."""
        key = written_key(target)
        if written_key(self.first[1]) != key:
            self.other = self.other or (row, target)
            self.n_later += 1
            self.later += [row] * (len(self.later) < _NAMED)
            return self.first
        return self.other


class _Group:
    """The requests of one key, from the second on."""

    def __init__(self, row: int, first: EditRequest) -> None:
        self.first = first
        self.targets = _Targets((row, first.target_new))
        self.contents = {_content(first): row}  # content -> the first row with it
        self.prompts = {_plain(first.prompt): _Targets((row, first.target_new))}


class Conflicts:
    """What each request has in common with those before it."""

    def __init__(self) -> None:
        self._alone: dict[str, tuple[int, EditRequest]] = {}  # key -> the one request that has it so far
        self._groups: dict[str, _Group] = {}

    def remarks(self, row: int, request: EditRequest) -> list[str]:
        """What is to be said of this row because of earlier ones."""
        key = _key(request)
        first = self._alone.setdefault(key, (row, request))
        if first[0] == row:
            return []
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(*first)
        same = group.contents.setdefault(_content(request), row)
        said = [f"same content as record {same}; both are kept"] if same != row else []
        return said + self._differences(group, row, request)

    @staticmethod
    def _differences(group: _Group, row: int, request: EditRequest) -> list[str]:
        prompt = _plain(request.prompt)
        targets = group.prompts.get(prompt)
        if targets is None:
            group.prompts[prompt] = _Targets((row, request.target_new))
        against = targets.differing(row, request.target_new) if targets else None
        sharing = group.targets.differing(row, request.target_new)
        if against:
            return [
                f"contradicts record {against[0]}: the same prompt with the new target {shorten(against[1])!r}; "
                "only one of them can be written"
            ]
        if sharing and request.subject:
            return [
                f"one key, two values with record {sharing[0]}: both prompts are the same up to the subject "
                f"{shorten(request.subject)!r} and the new targets differ; written in one batch, each spoils the other"
            ]
        return []

    def afterwards(self) -> list[tuple[int, str]]:
        """(row, what is to be said of it because of later ones)."""
        found = []
        for group in self._groups.values():
            for targets in group.prompts.values():
                if targets.n_later:
                    found.append(
                        (targets.first[0], f"contradicted by {_rows(targets)}: the same prompt, another new target")
                    )
            first = group.prompts[_plain(group.first.prompt)]
            if group.targets.n_later and not first.n_later and group.first.subject:
                text = f"one key, two values with {_rows(group.targets)}: the prompts agree up to the subject"
                found.append((group.targets.first[0], text))
        return found


def _rows(targets: _Targets) -> str:
    more = targets.n_later - len(targets.later)
    names = ", ".join(map(str, targets.later)) + (f" and {more:,} more" if more else "")
    return f"record{'s' if targets.n_later > 1 else ''} {names}"


def _key(request: EditRequest) -> str:
    """The prompt up to the end of its subject; all of it where there is none."""
    if not request.subject:
        return _plain(request.prompt)
    at = request.subject_at if request.subject_at is not None else request.prompt.find(request.subject)
    return _plain(request.prompt[: at + len(request.subject)])


def _plain(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _content(request: EditRequest) -> Any:
    """Everything but the names it is kept under."""
    return (
        request.prompt,
        request.subject,
        request.target_new,
        request.new_aliases,
        request.target_true,
        request.true_aliases,
        request.rephrases,
        request.locality,
        request.portability,
        request.relation,
        request.subject_at,
    )
