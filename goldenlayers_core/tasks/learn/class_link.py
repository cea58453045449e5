"""Classes that are open on this machine: a code to join by, the questions put, the guesses; gone when the class ends.

A class is one file, written under a lock, so that a whole room may guess in the same second, in several processes.
Whoever knows the code may guess and see what was revealed; whoever opened the class keeps its key, and only with it a
question is put, revealed, or the class ended. No torch.
"""

import dataclasses
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.results.learn.class_link import Asked, ClassLink
from goldenlayers_core.results.learn.question import Question
from goldenlayers_core.runtime import atomic
from goldenlayers_core.runtime.locks import locked
from goldenlayers_core.tasks.serial import plain, restored

LETTERS: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that looks like another
LENGTH: Final = 6
MINUTES: Final = (15, 45, 90, 180)  # how long a class may be open
MOST_CLASSES: Final = 50  # open at once on one machine
MOST_GUESSES: Final = 500  # on one question
_GONE: Final = "There is no class {!r}: it has ended, or the code is another; ask for the link again."
_FULL: Final = "500 guesses were made at this question, and no more are counted."


class Classes:
    """The open classes in a folder."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    def open(self, lesson: str, model: str, minutes: int, key: str) -> str:
        """The code of a new class, which `key` alone leads. Raises ConfigError for another length, or where too many
        are open."""
        if minutes not in MINUTES:
            raise ConfigError(
                f"A class of {minutes} minutes was asked for; choose one of {', '.join(map(str, MINUTES))}."
            )
        if len(self._sweep()) >= MOST_CLASSES:
            raise ConfigError(f"{MOST_CLASSES} classes are open on this machine; end one of them first.")
        code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        self._write(ClassLink(code, lesson, model, self._clock() + 60 * minutes), _digest(key))
        return code

    def led_with(self, key: str) -> ClassLink | None:
        """The open class that a key leads; of several the one that is open longest."""
        found, digest = list[ClassLink](), _digest(key)
        for path in self._folder.glob("*.json"):
            with suppress(ConfigError):
                one, theirs = self._read(path.stem)
                if secrets.compare_digest(theirs, digest):
                    found.append(one)
        return max(found, key=lambda one: one.closes, default=None)

    def find(self, code: str) -> ClassLink | None:
        """The class of a code, if it is open."""
        try:
            return self._read(code)[0]
        except ConfigError:
            return None

    def ask(self, code: str, key: str, question: Question) -> None:
        """Put a question to the class; one that it was asked already stays as it is."""
        with self._change(code, key) as (found, write):
            if not any((one.key, one.about) == (question.key, question.about) for one in found.asked):
                new = Asked(question.key, question.about, question.text, question.options)
                write(dataclasses.replace(found, asked=(*found.asked, new)))

    def guess(self, code: str, place: int, tab: str, option: int) -> None:
        """A guess at the question at `place`; a tab's last one counts. Raises ConfigError where it is told already."""
        with self._change(code) as (found, write):
            if not 0 <= place < len(found.asked) or not 0 <= option < len(found.asked[place].options):
                raise ConfigError("This question is not asked in the class; load the page again.")
            one = found.asked[place]
            if one.revealed:
                raise ConfigError("The answer was revealed before this guess arrived, so it does not count.")
            if tab not in one.guesses and len(one.guesses) >= MOST_GUESSES:
                raise ConfigError(_FULL)
            write(_with(found, place, guesses={**one.guesses, tab: option}))

    def reveal(self, code: str, key: str, question: Question) -> None:
        """Tell the class what is right; a question that it was not asked is not told."""
        with self._change(code, key) as (found, write):
            for place, one in enumerate(found.asked):
                if (one.key, one.about) == (question.key, question.about) and not one.revealed:
                    found = _with(found, place, right=question.right, explanation=question.explanation)
                    write(found)

    def end(self, code: str, key: str) -> None:
        """End a class: its file goes, and with it every guess."""
        with self._change(code, key):
            self._path(code).unlink(missing_ok=True)
        self._lock(code).unlink(missing_ok=True)

    @contextmanager
    def _change(self, code: str, key: str | None = None) -> Iterator[tuple[ClassLink, Callable[[ClassLink], None]]]:
        """The class under its lock, and how to write it. Raises ConfigError where it is gone or the key is wrong."""
        if not self._path(code).exists():  # no lock is made for a code that somebody made up
            raise ConfigError(_GONE.format(code))
        with locked(self._lock(code)):
            found, digest = self._read(code)
            if key is not None and not secrets.compare_digest(_digest(key), digest):
                raise ConfigError("This class was opened in another browser; only there its questions are put.")
            yield found, lambda changed: self._write(changed, digest)

    def _read(self, code: str) -> tuple[ClassLink, str]:
        try:
            content = json.loads(self._path(code).read_text(encoding="utf-8"))
            found = restored(ClassLink, content["class"])
            digest = str(content["key"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise ConfigError(_GONE.format(code)) from error
        if found.closes <= self._clock():
            raise ConfigError(_GONE.format(code))
        return found, digest

    def _write(self, found: ClassLink, digest: str) -> None:
        content: dict[str, Any] = {"class": plain(found), "key": digest}
        data = json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
        atomic.write_bytes(self._path(found.code), data, durable=False)

    def _sweep(self) -> list[Path]:
        """The open classes' files; those of classes whose time is over are removed."""
        left = []
        for path in self._folder.glob("*.json"):
            if self.find(path.stem) is None:
                path.unlink(missing_ok=True)
                self._lock(path.stem).unlink(missing_ok=True)
            else:
                left.append(path)
        return left

    def _path(self, code: str) -> Path:
        if len(code) != LENGTH or not set(code) <= set(LETTERS):
            raise ConfigError(_GONE.format(code[:20]))
        return self._folder / f"{code}.json"

    def _lock(self, code: str) -> Path:
        return self._folder / f"{code}.lock"


def _with(found: ClassLink, place: int, **changed: Any) -> ClassLink:
    """The class with one question changed."""
    asked = list(found.asked)
    asked[place] = dataclasses.replace(asked[place], **changed)
    return dataclasses.replace(found, asked=tuple(asked))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def tab_name() -> str:
    """A random name for a tab, so that its second guess replaces its first. It is kept nowhere but in the class."""
    return secrets.token_hex(8)
