"""Requests that cannot all be written: one prompt with two new targets, one key with two values, and repetitions.

Methods that write at the subject's last token look the fact up by a key, which is made of the prompt up to there: equal
beginnings give equal keys. Every request costs the same, however many share a prompt or a key.
"""

import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from goldenlayers_core.datasets.text import shorten, written_key
from goldenlayers_core.records import EditRequest

_NAMED: Final = 5  # rows that the first of a group names


class _Group:
    """The rows that share a prompt or a key, as far as their new targets need to be told apart."""

    def __init__(self, row: int, request: EditRequest) -> None:
        self.first = (row, request.target_new)
        self.other: tuple[int, str] | None = None  # the first with another target
        self.later: list[int] = []  # rows that differ from the first, the first few
        self.n_later = 0
        self.contents = {_content(request): row}  # content -> the first row with it

    def differing(self, row: int, target: str) -> tuple[int, str] | None:
        """An earlier row with another target than this one's; this one is remembered."""
        if written_key(self.first[1]) == written_key(target):
            return self.other
        self.other = self.other or (row, target)
        self.n_later += 1
        if len(self.later) < _NAMED:
            self.later.append(row)
        return self.first

    @property
    def rows(self) -> str:
        """The later rows in words."""
        more = self.n_later - len(self.later)
        names = ", ".join(map(str, self.later)) + (f" and {more:,} more" if more else "")
        return f"record{'s' if self.n_later > 1 else ''} {names}"


class _Index:
    """Requests by what they share. A group is made once there are two."""

    def __init__(self) -> None:
        self._firsts: dict[str, tuple[int, EditRequest]] = {}
        self._groups: dict[str, _Group] = {}

    def group(self, shared: str, row: int, request: EditRequest) -> _Group | None:
        """The group that the request joins; None where it is the first of its kind."""
        first = self._firsts.setdefault(shared, (row, request))
        if first[0] == row:
            return None
        if shared not in self._groups:
            self._groups[shared] = _Group(*first)
        return self._groups[shared]

    def __iter__(self) -> Iterator[_Group]:
        return iter(self._groups.values())


class Conflicts:
    """What each request has in common with those before it."""

    def __init__(self) -> None:
        self._prompts = _Index()
        self._keys = _Index()

    def remarks(self, row: int, request: EditRequest) -> list[str]:
        """What is to be said of this row because of earlier ones."""
        said: list[str] = []
        target, against = request.target_new, None
        alike = self._prompts.group(_plain(request.prompt), row, request)
        if alike:
            same = alike.contents.setdefault(_content(request), row)
            if same != row:
                said.append(f"same content as record {same}; both are kept")
            against = alike.differing(row, target)
        sharing = self._keys.group(_key(request), row, request) if request.subject else None
        other = sharing.differing(row, target) if sharing else None
        if against:
            said.append(
                f"contradicts record {against[0]}: the same prompt with the new target {shorten(against[1])!r}; "
                "only one of them can be written"
            )
        elif other:
            said.append(
                f"one key, two values with record {other[0]}: both prompts are the same up to the subject "
                f"{shorten(request.subject)!r} and the new targets differ; written in one batch, each spoils the other"
            )
        return said

    def afterwards(self) -> list[tuple[int, str]]:
        """(row, what is to be said of it because of later ones)."""
        found = {
            group.first[0]: f"contradicted by {group.rows}: the same prompt, another new target"
            for group in self._prompts
            if group.n_later
        }
        for group in self._keys:
            if group.n_later:
                text = f"one key, two values with {group.rows}: the prompts agree up to the subject"
                found.setdefault(group.first[0], text)
        return list(found.items())


def _key(request: EditRequest) -> str:
    """The prompt up to the end of its subject."""
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
