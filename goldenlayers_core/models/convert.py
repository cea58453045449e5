"""GGUF files, the bundled model among them: converted once into the cache folder as safetensors."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer

from goldenlayers_core.errors import ModelError
from goldenlayers_core.models.architectures import architecture_of
from goldenlayers_core.models.checking import check_tensors
from goldenlayers_core.models.drafts import make_whole
from goldenlayers_core.models.fingerprint import folder_fingerprint
from goldenlayers_core.models.gguf import conversion_of, is_converted, is_gguf
from goldenlayers_core.models.gguf_reading import read_once
from goldenlayers_core.models.telling import Tell, quiet


def converted(gguf: Path, cache: Path, progress: Tell | None = None, papers: Sequence[Path] = ()) -> Path:
    """Folder with config.json, tokenizer and float32 safetensors made of a GGUF file; made on the first call only.

    `papers` are files to keep beside them (terms of use). `progress(MiB done, MiB, note)` may raise to cancel, and
    nothing is left behind. Raises ModelError when the file is no GGUF file, or of an unknown architecture, or when the
    weights cannot be written.
    """
    if not gguf.is_file() or not is_gguf(gguf):
        raise ModelError(f"{gguf} is not a GGUF file; give a file whose name ends in .gguf, or a model folder.")
    target = conversion_of(gguf, cache)
    if is_converted(target):
        return target

    def make(draft: Path) -> str:
        _convert(gguf, draft, progress)
        for paper in papers:
            shutil.copy(paper, draft)
        return folder_fingerprint(draft)

    return make_whole(target, f"converted from {gguf.name}", make)


def _convert(gguf: Path, folder: Path, progress: Tell | None) -> None:
    """The weights are half of the work; the words, and writing and hashing it all, a quarter each."""
    n_bytes = 0

    def tell(done: int, total: int) -> None:
        nonlocal n_bytes
        n_bytes = total
        if progress:
            progress(done >> 20, total >> 19, f"Converting {gguf.name}, MiB")

    with quiet():
        loaded, tokenizer = _read(gguf, tell)
        architecture_of(loaded.config)
        tell(n_bytes * 3 // 2, n_bytes)
        config = loaded.config
        if hasattr(config, "quantization_config"):  # a model that says it is quantised refuses to be saved
            del config.quantization_config
        with torch.device("meta"):
            plain: Any = AutoModelForCausalLM.from_config(config)
        plain.load_state_dict(loaded.state_dict(), assign=True)
        plain.tie_weights()
        try:
            plain.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"The conversion of {gguf.name} could not be written ({str(error).splitlines()[0][:160]}); free some "
                "disk space, or set GOLDENLAYERS_CACHE to a larger disk."
            ) from error


def _read(gguf: Path, tell: Callable[[int, int], None]) -> tuple[Any, Any]:
    """(model, tokenizer) of a GGUF file. Raises ModelError."""
    source = str(gguf.parent)  # a folder on this machine: the hub is not asked
    try:
        with read_once(gguf, tell):
            loaded: Any = AutoModelForCausalLM.from_pretrained(  # nosec B615
                source, gguf_file=gguf.name, dtype=torch.float32, output_loading_info=True
            )
            model, info = loaded
            check_tensors(gguf.name, info, architecture_of(model.config))
            return model, AutoTokenizer.from_pretrained(source, gguf_file=gguf.name)  # nosec B615
    except (ValueError, OSError, KeyError, IndexError, RuntimeError) as error:  # also what is not implemented
        raise ModelError(
            f"{gguf.name} cannot be converted ({str(error).splitlines()[0][:200]}); try another file."
        ) from error
