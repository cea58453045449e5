"""The glossary: what the words of the dashboard mean, which lesson teaches each and which page shows it. No torch.

The words are those of design.md, section 2, and no others for the same thing; they live in assets/glossary.json.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.places import assets_folder
from goldenlayers_core.tasks.learn.text import LESSONS

# what a term is not looked for in: links, code, mathematics, HTML, icons and directives, addresses, headings
_APART: Final = re.compile(
    r"\[[^\]]*\]\([^)]*\)|`[^`]*`|\$[^$\n]*\$|<[^>]+>|:material/\w+:|:\w+\[[^\]]*\]|https?://\S+|^#+ .*$|“[^”]*”",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Term:
    """One word of the glossary."""

    term: str
    aliases: tuple[str, ...]  # other forms under which it appears in texts
    meaning: str  # one or two sentences
    lesson: str  # that teaches it
    page: str  # that shows it, "pages/edit.py"; "" where none does
    everyday: bool  # a word of everyday language too, so that only lessons link it

    @property
    def key(self) -> str:
        """Its name in the address: "golden-layer"."""
        return re.sub(r"[^a-z0-9]+", "-", self.term.casefold()).strip("-")

    def holds(self, search: str) -> bool:
        """Whether a search finds it: in its names or its meaning, in any case."""
        wanted = search.strip().casefold()
        return any(wanted in text.casefold() for text in (self.term, *self.aliases, self.meaning))


@lru_cache(maxsize=1)
def glossary() -> tuple[Term, ...]:
    """Every term, by its name. Raises ConfigError where two terms share a name, or a lesson has no name of one."""
    rows = json.loads((assets_folder() / "glossary.json").read_text(encoding="utf-8"))["terms"]
    terms = tuple(
        Term(r["term"], tuple(r["aliases"]), r["meaning"], r["lesson"], r["page"], r["everyday"]) for r in rows
    )
    names = [name.casefold() for term in terms for name in (term.term, *term.aliases)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or any(term.lesson not in LESSONS for term in terms):
        raise ConfigError(f"The glossary names {', '.join(twice) or 'a lesson that there is none of'}; mend the file.")
    return terms


def term_of(key: str) -> Term | None:
    """The term with this name in the address; None where there is none."""
    return next((term for term in glossary() if term.key == key), None)


def named(name: str) -> Term | None:
    """The term that goes by a name or an alias, in any case; None where there is none."""
    return _by_name().get(name.casefold())


@dataclass(frozen=True, slots=True)
class Mention:
    """Where a text names a term."""

    term: Term
    start: int
    end: int


def mentions(text: str, leave_out: Collection[str] = (), everyday: bool = False) -> Iterator[Mention]:
    """The first mention of each term in a Markdown text, in order; none within links, code, headings or quotations.

    Case does not matter but for names in capitals, such as ROME.

    `leave_out`: keys of terms that are not looked for. `everyday`: whether words that everyday language has too are.
    """
    apart = [match.span() for match in _APART.finditer(text)]
    seen = set(leave_out)
    for match in _pattern().finditer(text):
        name = match.group(1).replace("\\", "")
        term = named(name)
        if term is None or term.key in seen or (term.everyday and not everyday) or not _spelt(term, name):
            continue
        if any(low <= match.start() < high for low, high in apart):
            continue
        seen.add(term.key)
        yield Mention(term, match.start(1), match.end())


def _spelt(term: Term, name: str) -> bool:
    """Whether a text means the term: the city Rome is not ROME, nor is somebody's grace GRACE."""
    spellings = [own for own in (term.term, *term.aliases) if own.casefold() == name.casefold()]
    return any(own == name or not any(letter.isupper() for letter in own[1:]) for own in spellings)


@lru_cache(maxsize=1)
def _by_name() -> dict[str, Term]:
    return {name.casefold(): term for term in glossary() for name in (term.term, *term.aliases)}


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    """Any name as a whole word, the longest first, with or without a plural s."""
    names = sorted(_by_name(), key=len, reverse=True)
    either = "|".join(re.escape(name).replace("\\-", "\\\\?-").replace("\\ ", r"\s") for name in names)
    return re.compile(rf"(?<![\w\-/])({either})s?(?![\w\-/])", re.IGNORECASE)
