"""A desk is one browser: what it has chosen, and which of its tabs are open. It lives as long as the program."""

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

NAME: Final = "desk"  # in a session's state: the name of its desk
_TABS: Final = 20  # of a desk, remembered; the ones not used for longest are forgotten
_GOODBYE: Final = 1.0  # seconds from the new connection of a tab until the server knows that the old one has ended
_LENGTH: Final = 32  # letters of a name


@dataclass
class Tab:
    """A tab of a desk; a reload is a new session in the same tab."""

    session: str = ""  # Streamlit's id of the session that sits here
    chosen: dict[str, Any] = field(default_factory=dict)


class Desk:
    """The tabs of one browser. Thread-safe."""

    def __init__(self) -> None:
        self.chosen: dict[str, Any] = {}  # last, in any tab: what a new tab begins with
        self._tabs: OrderedDict[str, Tab] = OrderedDict()
        self._lock = threading.Lock()

    def sit(self, session: str, asked: str, left: Iterable[str], is_open: Callable[[str], bool]) -> str:
        """The tab that a new session is in, and no other session.

        It is the one it `asked` for (the browser said so while it left the page); else the first of the tabs `left`
        with work; else a new one. A tab whose session `is_open` is never given away.
        """
        end = time.monotonic() + _GOODBYE
        while is_name(asked) and self._is_taken(asked, session, is_open) and time.monotonic() < end:
            time.sleep(0.05)
        with self._lock:
            names = (asked, *left) if is_name(asked) else tuple(left)
            free = (name for name in names if not self._is_taken(name, session, is_open))
            name = next(free, "") or new_name()
            tab = self._tabs.setdefault(name, Tab(chosen=dict(self.chosen)))
            tab.session = session
            self._tabs.move_to_end(name)
            while len(self._tabs) > _TABS:
                self._tabs.popitem(last=False)
            return name

    def sits(self, tab: str, session: str) -> bool:
        """Whether a session is still the one of its tab."""
        found = self._tabs.get(tab)
        return found is None or found.session == session

    def chosen_in(self, tab: str) -> Mapping[str, Any]:
        """What was chosen in a tab; what was chosen last where it is not remembered."""
        found = self._tabs.get(tab)
        return found.chosen if found else self.chosen

    def keep(self, tab: str, key: str, value: Any) -> None:
        """Remember a choice; None forgets it."""
        for chosen in (self.chosen, self._tabs.setdefault(tab, Tab()).chosen):
            if value is None:
                chosen.pop(key, None)
            else:
                chosen[key] = value

    def _is_taken(self, name: str, session: str, is_open: Callable[[str], bool]) -> bool:
        tab = self._tabs.get(name)
        return tab is not None and tab.session not in ("", session) and is_open(tab.session)


def new_name() -> str:
    """A name nobody can guess."""
    return secrets.token_hex(_LENGTH // 2)


def is_name(text: str) -> bool:
    """Whether a cookie can be a name of ours."""
    return text.isascii() and text.isalnum() and len(text) == _LENGTH


def public(name: str) -> str:
    """What stands for a desk's name where others may read it: the name itself lets in."""
    return hashlib.sha256(name.encode()).hexdigest()[:_LENGTH]
