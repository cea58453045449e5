"""A Python script that lays the edits over the model by itself: torch, transformers and safetensors, none of ours.

The script is `assets/export/apply_edit.py` with three lines filled in; small edits travel inside it, larger ones in a
safetensors file beside it.
"""

import base64
from collections.abc import Sequence
from typing import Final

from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.editing.export.edit_file import pack
from goldenlayers_core.editing.export.header import base_name
from goldenlayers_core.editing.export.parts import EVERYTHING, ExportFormat
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.places import assets_folder

MOST_EMBEDDED: Final = 256 * 1024  # bytes of the safetensors file


def script(handle: ModelHandle, edits: Sequence[Edit], stem: str) -> dict[str, bytes]:
    """The script by its file name, and the safetensors file beside it where that is large."""
    data = pack(handle, edits)
    embedded = len(data) <= MOST_EMBEDDED
    text = (assets_folder() / "export" / "apply_edit.py").read_text(encoding="utf-8")
    file = f"{stem}.safetensors"
    for line, filled in (
        ('MODEL = ""', f"MODEL = {base_name(handle)!r}"),
        ('FILE = "edits.safetensors"', f"FILE = {file!r}"),
        ('EMBEDDED = ""', f'EMBEDDED = "{base64.b64encode(data).decode() if embedded else ""}"'),
    ):
        text = text.replace(line, filled, 1)
    return {f"{stem}.py": text.encode(), **({} if embedded else {file: data})}


FORMAT: Final = ExportFormat(
    name="snippet",
    title="Python script",
    purpose="See and use the edit without this program: one script, with torch, transformers and safetensors only, "
    "that loads the model, lays the edit over it and prints the answers before and after.",
    holds=EVERYTHING,
    suffix=".py",
    by_module=True,
    files=script,
)
