"""The texts of the lessons: Markdown files in assets/lessons, cut into named parts. Light: no torch, no pages.

A file begins with its title and its facts, then come the parts, each under a heading that is its name:

    # What a model knows
    - minutes: 5
    - questions: first, wording            keys of the questions, in the order in which they are asked
    - words: request, probe                terms of the glossary that the lesson teaches or needs
    - afterwards: You can say ...          one line each: what the learner can do afterwards

    ## intro
    Text, in which {{layer}} stands for a value that is given when the part is read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.places import assets_folder

LESSONS: Final = ("know", "recall", "rank-one", "layer", "golden", "lga", "wrong", "classroom")  # in their order
TEACHER: Final = "teacher"  # a text like a lesson's, without questions
NUMBERED: Final = 7  # lessons with a number; the classroom has none
_FACT: Final = re.compile(r"^- (minutes|questions|words|afterwards): *(.+)$")
_PLACE: Final = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class LessonText:
    """One lesson's file."""

    name: str
    title: str
    minutes: int
    questions: tuple[str, ...]
    words: tuple[str, ...]
    afterwards: tuple[str, ...]
    parts: Mapping[str, str]

    @property
    def number(self) -> str:
        """ "Lesson 3", or "Classroom"."""
        place = LESSONS.index(self.name)
        return f"Lesson {place + 1}" if place < NUMBERED else self.name.capitalize()

    def part(self, part: str, **values: object) -> str:
        """A part, with its {{places}} filled. Raises ConfigError for an unknown part or a place without a value."""
        if part not in self.parts:
            raise ConfigError(f"The lesson {self.name!r} has no part {part!r}; it has {', '.join(self.parts)}.")
        missing = sorted(set(_PLACE.findall(self.parts[part])) - set(values))
        if missing:
            raise ConfigError(f"The part {part!r} of the lesson {self.name!r} needs values for {', '.join(missing)}.")
        return _PLACE.sub(lambda found: str(values[found.group(1)]), self.parts[part])


def lesson_text(name: str) -> LessonText:
    """A lesson's text. Raises ConfigError for an unknown lesson and for a file that is not as it should be."""
    if name not in (*lessons(), TEACHER):
        raise ConfigError(f"There is no lesson {name!r}; there are {', '.join(lessons())}.")
    return parse(name, _file(name).read_text(encoding="utf-8"))


def lessons() -> tuple[str, ...]:
    """The lessons that have a text, in their order."""
    return tuple(name for name in LESSONS if _file(name).is_file())


def parse(name: str, source: str) -> LessonText:
    """Read a lesson's file. Raises ConfigError where its title or its minutes are missing."""
    head, *rest = re.split(r"^## +(.+)$", source, flags=re.MULTILINE)
    title = re.match(r"# +(.+)", head.strip())
    found = [match.groups() for line in head.splitlines() if (match := _FACT.match(line.strip()))]
    facts = {key: [value.strip() for at, value in found if at == key] for key, _ in found}
    if title is None or not facts.get("minutes", [""])[0].isdecimal():
        raise ConfigError(f"The text of the lesson {name!r} needs a title and its minutes at the top.")

    def listed(key: str) -> tuple[str, ...]:
        return tuple(piece.strip() for line in facts.get(key, []) for piece in line.split(",") if piece.strip())

    return LessonText(
        name=name,
        title=title.group(1).strip(),
        minutes=int(facts["minutes"][0]),
        questions=listed("questions"),
        words=listed("words"),
        afterwards=tuple(facts.get("afterwards", ())),
        parts=MappingProxyType({key.strip(): text.strip() for key, text in zip(rest[::2], rest[1::2], strict=True)}),
    )


def _file(name: str) -> Path:
    return assets_folder() / "lessons" / f"{name}.md"
