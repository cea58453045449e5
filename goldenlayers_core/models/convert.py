"""GGUF files, the bundled model among them: converted once into the cache folder as safetensors."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from goldenlayers_core.errors import ModelError
from goldenlayers_core.models.architectures import architecture_of
from goldenlayers_core.models.drafts import make_whole
from goldenlayers_core.models.fingerprint import folder_fingerprint
from goldenlayers_core.models.gguf import conversion_of, is_converted, is_gguf
from goldenlayers_core.models.telling import Tell, telling


def converted(gguf: Path, cache: Path, progress: Tell | None = None) -> Path:
    """Folder with config.json, tokenizer and float32 safetensors made of a GGUF file; made on the first call only.

    `progress(tensors done, tensors, note)` may raise to cancel, and nothing is left behind. Raises ModelError when the
    file is no GGUF file or of an unknown architecture.
    """
    if not gguf.is_file() or not is_gguf(gguf):
        raise ModelError(f"{gguf} is not a GGUF file; give a file whose name ends in .gguf, or a model folder.")
    target = conversion_of(gguf, cache)
    if is_converted(target):
        return target

    def make(draft: Path) -> str:
        _convert(gguf, draft, progress)
        return folder_fingerprint(draft)

    return make_whole(target, f"converted from {gguf.name}", make)


def _convert(gguf: Path, folder: Path, progress: Tell | None) -> None:
    source = str(gguf.parent)  # a folder on this machine: the hub is not asked
    with telling(progress, f"Converting {gguf.name}, tensors"):
        try:
            loaded: Any = AutoModelForCausalLM.from_pretrained(  # nosec B615
                source, gguf_file=gguf.name, dtype=torch.float32
            )
            tokenizer: Any = AutoTokenizer.from_pretrained(source, gguf_file=gguf.name)  # nosec B615
        except (ValueError, OSError, KeyError, RuntimeError) as error:  # also what is not implemented
            raise ModelError(
                f"{gguf.name} cannot be converted ({str(error).splitlines()[0][:200]}); try another file."
            ) from error
    architecture_of(loaded.config)
    config = loaded.config
    if hasattr(config, "quantization_config"):  # a model that says it is quantised refuses to be saved
        del config.quantization_config
    with torch.device("meta"):
        plain: Any = AutoModelForCausalLM.from_config(config)
    plain.load_state_dict(loaded.state_dict(), assign=True)
    plain.tie_weights()
    plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
