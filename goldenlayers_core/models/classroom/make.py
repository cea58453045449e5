"""The classroom's models in the cache folder: made on the first call, whole or not at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import AutoModelForCausalLM

from goldenlayers_core.models.classroom.facts import read_facts
from goldenlayers_core.models.classroom.place import folder_of, is_ready, title_of
from goldenlayers_core.models.classroom.plant import plant
from goldenlayers_core.models.classroom.teach import teach, tokenizer_of
from goldenlayers_core.models.drafts import make_whole
from goldenlayers_core.models.fingerprint import folder_fingerprint
from goldenlayers_core.models.telling import Tell, quiet


def made(layer: int | None, cache: Path, progress: Tell | None = None) -> Path:
    """Folder with config.json, tokenizer and safetensors of the model with the fact in `layer` (None: of the base).

    The base is taught once (about a quarter of a minute), and then planting takes about two seconds. `progress(done,
    total, note)` may raise to cancel; nothing half made is left behind. Raises ModelError.
    """
    target = folder_of(layer, cache)
    if is_ready(layer, cache):
        return target
    facts = read_facts()
    tokenizer = tokenizer_of(facts)
    if layer is None:
        return _kept(target, tokenizer, title_of(layer), lambda: teach(facts, tokenizer, progress))
    base = made(None, cache, progress)
    return _kept(target, tokenizer, title_of(layer), lambda: plant(_opened(base), facts, tokenizer, layer, progress))


def _opened(folder: Path) -> Any:
    with quiet():
        # a folder that this program wrote
        model: Any = AutoModelForCausalLM.from_pretrained(  # nosec B615
            folder, use_safetensors=True, trust_remote_code=False
        )
    return model.eval().requires_grad_(False)


def _kept(target: Path, tokenizer: Any, title: str, make: Callable[[], Any]) -> Path:
    """Save what `make` returns, in one step: a folder that is there is complete."""
    model = make()

    def save(draft: Path) -> str:
        with quiet():
            model.save_pretrained(draft)
            tokenizer.save_pretrained(draft)
        return folder_fingerprint(draft)

    return make_whole(target, title, save)
