"""What a model is called on screen, wherever its weights were read from. No torch.

The fingerprint decides: weights that this program keeps a folder of are called as they are there, under whatever path
they were loaded. A folder of a cache has a name for machines; its readable part is shown.
"""

import re
from pathlib import Path
from typing import Final

from goldenlayers_core.errors import ModelNotFoundError
from goldenlayers_core.models.accepted import SUFFIX
from goldenlayers_core.models.classroom.place import BASE, N_LAYERS, is_classroom, planted_layer, title_of
from goldenlayers_core.models.classroom.place import NAME as CLASSROOM
from goldenlayers_core.models.drafts import is_complete, recorded_fingerprint
from goldenlayers_core.models.gemma import place as gemma
from goldenlayers_core.models.gguf import BUNDLED_TITLE, bundled_gguf

_SNAPSHOT: Final = re.compile(r"models--(?P<name>[^/\\]+)[/\\]snapshots[/\\]")
_CONVERTED: Final = re.compile(r"(?P<name>.+)-[0-9a-f]{12}")
_PLANTED: Final = re.compile(rf"{CLASSROOM}-\d+-[0-9a-f]{{8}}-(?P<which>{BASE}|layer-\d+)")


def source_title(source: str) -> str:
    """What a source is called before anything of it was loaded."""
    if source == "bundled":
        return BUNDLED_TITLE
    if source == gemma.NAME:
        return gemma.TITLE
    if is_classroom(source):
        try:
            return title_of(planted_layer(source))
        except ModelNotFoundError:
            return source
    is_path = source.startswith((".", "~", "/")) or Path(source).is_absolute() or "\\" in source
    return folder_title(Path(source)) if is_path or source.lower().endswith(".gguf") else source


def folder_title(folder: Path) -> str:
    """The readable part of a folder's or file's name: "owner/name" of a hub's snapshot, no digest of a conversion."""
    if found := _SNAPSHOT.search(f"{folder}/"):
        return found["name"].replace("--", "/")
    name = folder.stem if folder.suffix.lower() == ".gguf" else folder.name.removesuffix(SUFFIX)
    if planted := _PLANTED.fullmatch(name):
        which = planted["which"]
        layer = None if which == BASE else int(which.removeprefix("layer-"))
        return title_of(layer) if layer is None or layer < N_LAYERS else name
    if gemma.folder_of(Path()).name == name:
        return gemma.TITLE
    bare = found["name"] if (found := _CONVERTED.fullmatch(name)) else name
    return BUNDLED_TITLE if bare == _bundled_stem() else bare


def _bundled_stem() -> str:
    try:
        return bundled_gguf().stem
    except ModelNotFoundError:
        return ""


def model_title(source: str, name: str, folder: Path, fingerprint: str, cache: Path) -> str:
    """What loaded weights are called: by the name that was asked for; of a path, as a folder of this program's that
    holds the same, else by its own readable part."""
    if not Path(source).expanduser().exists():
        return name
    for known in sorted((cache / "models").glob("*")):
        if is_complete(known) and recorded_fingerprint(known) == fingerprint:
            return folder_title(known)
    return folder_title(folder) if name == folder.name else name
