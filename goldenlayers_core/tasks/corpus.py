"""Text for a key covariance: a file of ours, one of a hub dataset, or what a person pasted. No torch."""

from functools import partial
from typing import TYPE_CHECKING, Final

from goldenlayers_core.datasets.files import read_plain
from goldenlayers_core.datasets.hub import fetch
from goldenlayers_core.datasets.table import Table, read_table
from goldenlayers_core.datasets.text import decode_text
from goldenlayers_core.errors import DatasetError
from goldenlayers_core.records import digest_of
from goldenlayers_core.tasks.questions import PASTED
from goldenlayers_core.tasks.serial import restored

if TYPE_CHECKING:
    from goldenlayers_core.runtime import Store

SAMPLES: Final = "samples"
HUB: Final = "hub:"
_TEXTS: Final = "texts"
_TABLES: Final = (".parquet", ".csv", ".tsv", ".json", ".jsonl", ".ndjson")


def keep_text(store: "Store", text: str) -> str:
    """Keep a pasted text; the source that names it. Raises DatasetError when it is empty."""
    if not text.strip():
        raise DatasetError("The text is empty; paste some pages of what the model usually reads.")
    name = f"{PASTED}{digest_of(text)}"
    store.save_json(_TEXTS, name, text)
    return name


def read_corpus(store: "Store", source: str) -> tuple[str, str]:
    """(text, what it is in words) of a source: a file, "hub:owner/name/path" of a hub dataset, or a pasted text.

    Tables (Parquet, CSV, TSV, JSON, JSON lines) give their column "text", else the one with the longest texts. Raises a
    DatasetError.
    """
    if source.startswith(PASTED):
        return store.read_json(_TEXTS, source, partial(restored, str)), "a pasted text"
    if source.startswith(HUB):
        parts = source.removeprefix(HUB).split("/", 2)
        if len(parts) < 3 or not all(parts):
            raise DatasetError(
                f"{source!r} names no file of a hub dataset; write hub:owner/name/path/in/the/repository.parquet."
            )
        repository, path = "/".join(parts[:2]), parts[2]
        data = fetch(repository, path, "main")
        words = f"{repository}/{path}"
    else:
        try:
            data, path = read_plain(source)
        except DatasetError as error:
            raise DatasetError(f"The text {source} cannot be read: {error}") from error
        words = path
    text = _longest(read_table(data, path)) if path.lower().endswith(_TABLES) else decode_text(data)[0]
    if not text.strip():
        raise DatasetError(f"{words} holds no text; give another file.")
    return text, words


def _longest(table: Table) -> str:
    def length(column: str) -> int:
        return sum(len(v) for row in table.rows if isinstance(v := row.get(column), str))

    column = "text" if "text" in table.columns else max(table.columns, key=length)
    return "\n\n".join(v for row in table.rows if isinstance(v := row.get(column), str))
