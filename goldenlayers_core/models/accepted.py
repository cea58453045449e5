"""A discovered row that a person accepted, in a file that is loaded like a model: FILE.row.json. No torch.

The file names the model that the row belongs to and holds the digest of its config.json, so that it serves no other.
"""

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from goldenlayers_core.errors import ModelError
from goldenlayers_core.models.architecture import Architecture
from goldenlayers_core.models.drafts import refusal, scratch

SUFFIX: Final = ".row.json"
FORMAT: Final = "golden-layers-row-1"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A row, and the model it belongs to."""

    source: str  # a folder or a hub name
    revision: str | None
    config: str  # digest of the model's config.json
    row: Architecture

    @property
    def digest(self) -> str:
        """Of the row and the configuration: results made by another row are other results."""
        told = json.dumps([self.config, dataclasses.asdict(self.row)], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:12]

    @property
    def text(self) -> str:
        """The file's content."""
        content = {
            "format": FORMAT,
            "source": self.source,
            "revision": self.revision,
            "config": self.config,
            "row": dataclasses.asdict(self.row),
            "digest": self.digest,
        }
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    def row_for(self, model_type: str, folder: Path) -> Architecture:
        """The row, for the very configuration that it was made for. Raises ModelError for another."""
        if model_type != self.row.model_type or config_digest(folder) != self.config:
            raise ModelError(
                f"The row was accepted for another configuration than that in {folder}; have the model examined again "
                "(`models --discover`)."
            )
        return self.row


def config_digest(folder: Path) -> str:
    """Of a folder's config.json as it stands. Raises ModelError where it cannot be read."""
    try:
        return hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{folder / 'config.json'} cannot be read; the model's files are damaged.") from error


def is_row_file(source: str) -> bool:
    """Whether a source is such a file, by its name."""
    return source.endswith(SUFFIX)


def accepted_in(file: Path) -> Accepted:
    """What a file holds. Raises ModelError where it is none, or was changed by hand."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ModelError(f"There is no accepted row in {file}; check the path.") from error
    return accepted_from(text, str(file))


def accepted_from(text: str, where: str) -> Accepted:
    """`Accepted.text` undone; `where` it stands, for the sentence. Raises ModelError where it is none or changed."""
    try:
        content: dict[str, Any] = json.loads(text)
        columns: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content["row"].items()}
        found = Accepted(content["source"], content["revision"], content["config"], Architecture(**columns))
        sound = content["format"] == FORMAT and content["digest"] == found.digest
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{where} cannot be read as an accepted row; have the model examined again (`models --discover`)."
        ) from error
    if not sound:
        raise ModelError(
            f"The row in {where} was changed after it was accepted; have the model examined again (`models "
            "--discover`), or add a row to goldenlayers_core/models/families.py."
        )
    return found


def file_of(accepted: Accepted, name: str, cache: Path) -> Path:
    """Where an accepted row is kept: in the cache folder, under its model's name."""
    readable = "".join(c if c.isalnum() or c in "-_." else "-" for c in name.rsplit("/", 1)[-1])[:60] or "model"
    return cache / "rows" / f"{readable}-{accepted.digest}{SUFFIX}"


def keep(accepted: Accepted, name: str, cache: Path) -> Path:
    """Write the file, whole or not at all, and say where. Raises ModelError where the disk refuses."""
    file = file_of(accepted, name, cache)
    try:
        with scratch(file.parent) as draft:
            whole = draft / file.name
            whole.write_text(accepted.text, encoding="utf-8")
            os.replace(whole, file)
    except OSError as error:
        reason = refusal(error, file.parent, "set GOLDENLAYERS_CACHE to a folder elsewhere")
        raise ModelError(f"The accepted row could not be kept: {reason}") from error
    return file


def as_python(row: Architecture) -> str:
    """The row as `models/families.py` would have it: only what differs from the defaults."""
    lines = []
    for column in dataclasses.fields(row):
        value = getattr(row, column.name)
        if column.default is dataclasses.MISSING or value != column.default:
            lines.append(f"    {column.name}={_literal(value)},")
    return "\n".join(["Architecture(", *lines, ")"])


def _literal(value: object) -> str:
    """A column's value as Python, with double quotes."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_literal, value))}{',' * (len(value) == 1)})"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
