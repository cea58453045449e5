"""The way of bytes from the outbox to a shared location."""

import json
import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from goldenlayers_core.runtime import atomic, digests
from goldenlayers_core.runtime.frames import DamagedError
from goldenlayers_core.runtime.layout import is_once
from goldenlayers_core.runtime.locks import try_lock
from goldenlayers_core.runtime.outbox import Letter, Outbox
from goldenlayers_core.runtime.progress import tell
from goldenlayers_core.runtime.reaching import AwayError, Reached
from goldenlayers_core.runtime.versions import Version, Versions, key_of

_log = logging.getLogger(__name__)
_ATTEMPTS: Final = 50


class Post:
    """What sends. Thread-safe."""

    def __init__(self, root: Path, outbox: Outbox, far: Reached, known: Versions) -> None:
        self._root, self._outbox, self._far, self._known = root, outbox, far, known
        self._sending = threading.Lock()
        self._unsent = True  # an earlier process may have left something

    def keep(self, name: str, data: bytes, number: int) -> None:
        """Leave bytes in the outbox, to be sent later in place of a version."""
        letter = self._outbox.put(name, data, number)
        self._outbox.drop_older(letter)  # it was made on top of them
        self._outbox.let_go(letter)
        self._unsent = True

    def send(self, name: str, data: bytes, number: int) -> bool:
        """Send bytes as the version after `number`; False where there is another one by now.

        Where the location stays away they wait in the outbox, which counts as sent.
        """
        letter = self._outbox.put(name, data, number)
        try:
            there = self._create(letter, data)
            if not there:
                letter.path.unlink(missing_ok=True)
            elif not is_once(name):
                self._outbox.drop_older(letter)
            return there
        except AwayError as error:
            _log.warning("%s waits to be sent: %s", name, error)
            return True
        finally:
            self._outbox.let_go(letter)

    def send_waiting(self) -> None:
        """Send what waits here, if the location answers; nothing where another thread or process is at it."""
        if not self._unsent or self._far.is_away or not self._sending.acquire(blocking=False):
            return
        lock = None
        try:
            if (lock := try_lock(self._root / ".locks" / "outbox")) is None:
                return
            letters = self._outbox.take()
            self._unsent = False
            try:
                for n, letter in enumerate(letters):
                    tell(f"Sending {n + 1} of {len(letters)} to {self._far.name}, which waited here")
                    self._resend(letter)
            except BaseException as error:
                self._unsent = True
                if not isinstance(error, AwayError):
                    raise
            finally:
                for letter in letters:
                    self._outbox.let_go(letter)
            self._outbox.tidy()
        finally:
            if lock is not None:
                lock.release()
            self._sending.release()

    def _resend(self, letter: Letter) -> None:
        try:
            data = atomic.read_bytes(letter.path)
        except FileNotFoundError:
            return
        for _ in range(_ATTEMPTS):
            if not is_once(letter.name):
                data, letter = self._on_top(letter, data)
            if self._create(letter, data):
                return

    def _on_top(self, letter: Letter, data: bytes) -> tuple[bytes, Letter]:
        """What waited, as a change of what is newest now."""
        version = self._known.of(letter.name, fresh=True)
        if version is None:
            return data, Letter(letter.name, letter.path, 0)
        if version.number != letter.version and version.n_bytes and data:
            theirs = self._far.read(key_of(letter.name, version.number))
            data = joined(letter.name, theirs, data)
            atomic.write_bytes(letter.path, data)
        return data, Letter(letter.name, letter.path, version.number)

    def _create(self, letter: Letter, data: bytes) -> bool:
        """Whether the object is there now, and its copy in place of the letter."""
        once = is_once(letter.name)
        key = letter.name if once else key_of(letter.name, letter.version + 1)
        try:
            if not self._far.create(key, data) and not once:
                return False
        except BaseException:  # also where whoever waits has had enough
            self._unsent = True
            raise
        copy = self._root / key
        atomic.make_folder(copy.parent)
        with atomic.disk_errors(copy, "written"), suppress(FileNotFoundError):  # another process of ours sent it, too
            os.replace(letter.path, copy)
        if not once:
            self._known.note(letter.name, Version(letter.version + 1, len(data)))
        return True


def joined(name: str, theirs: bytes, mine: bytes) -> bytes:
    """What two machines made of one thing while one of them was alone, so that neither is lost.

    Of JSON objects the entries of both, ours where both have one; of a run's manifest ours with what a person said
    there; of anything else ours.
    """
    try:
        their, our = (digests.opened(json.loads(data)) for data in (theirs, mine))
    except (ValueError, RecursionError, DamagedError):
        return mine
    if not isinstance(their, dict) or not isinstance(our, dict):
        return mine
    if name.startswith("manifests/"):
        both = {**our, "manifest": _said(their.get("manifest"), our.get("manifest"))}
    else:
        both = _united(their, our)
    return json.dumps(digests.sealed(both), ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")


def _united(their: dict[str, Any], our: dict[str, Any]) -> dict[str, Any]:
    both = {**their, **our}
    for name in their.keys() & our.keys():
        if isinstance(their[name], dict) and isinstance(our[name], dict):
            both[name] = _united(their[name], our[name])
    return both


def _said(their: Any, our: Any) -> Any:
    if not isinstance(their, dict) or not isinstance(our, dict):
        return our
    both = dict(our)
    both["note"] = our.get("note") or their.get("note", "")
    both["starred"] = bool(our.get("starred")) or bool(their.get("starred"))
    if their.get("named") and not our.get("named"):
        both |= {"title": their.get("title"), "named": True}
    return both
