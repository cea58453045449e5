"""Edits and stacks as files for elsewhere, and back: to add a format, write its file and name its FORMAT here."""

from typing import Final

from goldenlayers_core.editing.export import adapter, easyedit, edit_file, merged, snippet
from goldenlayers_core.editing.export.adapter_import import adapter_files, edit_from_adapter
from goldenlayers_core.editing.export.edit_file import EditFile, unpack
from goldenlayers_core.editing.export.header import check_home
from goldenlayers_core.editing.export.parts import ExportFormat, check_held
from goldenlayers_core.errors import ConfigError

__all__ = [
    "EditFile",
    "ExportFormat",
    "adapter_files",
    "check_held",
    "check_home",
    "edit_from_adapter",
    "export_formats",
    "get_format",
    "unpack",
]

_FORMATS: Final[tuple[ExportFormat, ...]] = (
    edit_file.FORMAT,
    adapter.FORMAT,
    merged.FORMAT,
    easyedit.FORMAT,
    snippet.FORMAT,
)


def export_formats() -> tuple[ExportFormat, ...]:
    """Every format, in the order to show them."""
    return _FORMATS


def get_format(name: str) -> ExportFormat:
    """The format of that name. Raises ConfigError with the list of names."""
    for found in _FORMATS:
        if found.name == name:
            return found
    raise ConfigError(f"The format {name!r} is unknown; choose one of {', '.join(f.name for f in _FORMATS)}.")
