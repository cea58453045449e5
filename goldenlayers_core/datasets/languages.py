"""Files that hold every fact in several languages (MzsRE, Wang et al. 2023): one of them is read, by choice."""

from goldenlayers_core.datasets.table import Table
from goldenlayers_core.datasets.text import shorten
from goldenlayers_core.datasets.wrappers import is_language
from goldenlayers_core.errors import LanguageError
from goldenlayers_core.records import RowIssue

_FACT = ("prompt", "src", "subject", "question")


def languages(table: Table) -> tuple[str, ...]:
    """The languages that the records are told in, as the file writes them; () for any other file."""
    found: dict[str, None] = {}
    for row in table.rows:
        if not row or not all(is_language(key) for key in row):
            return ()
        facts = [key for key, value in row.items() if isinstance(value, dict) and any(name in value for name in _FACT)]
        if len(facts) < len([value for value in row.values() if value is not None]):
            return ()
        found.update(dict.fromkeys(facts))
    return tuple(found)


def in_language(table: Table, language: str, name: str) -> Table:
    """The facts of a file in one of its languages; a file in one language is read as it is.

    Raises LanguageError, which names the languages there are, where none is chosen or the chosen one is not there.
    """
    there = languages(table)
    if not there and not language:
        return table
    if not there:
        raise LanguageError(f"{shorten(name)} does not tell its facts in several languages; leave the language out.")
    if language not in there:
        listed = ", ".join(there)
        what = f"has no facts in {shorten(language, 20)!r}" if language else "tells its facts in several languages"
        raise LanguageError(
            f"{shorten(name)} {what}; choose one of {listed}, on the command line as FILE#{there[0]}.", there
        )
    parts = []
    for item in table.in_order():
        fact = item.content.get(language) if isinstance(item.content, dict) else item.content
        lacking = RowIssue(item.number, f"The record has no fact in {language}.")
        parts.append([lacking if fact is None else fact])
    return table.renumbered(parts)
