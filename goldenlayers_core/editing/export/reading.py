"""The bytes of a safetensors file: its header and its tensors, or one sentence."""

import json
from typing import Final

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from goldenlayers_core.errors import EditError

_LONGEST_HEADER: Final = 100_000_000  # bytes, as safetensors itself allows


def opened(data: bytes, name: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """(tensors by name, header texts). Raises EditError for bytes that are not a whole safetensors file."""
    try:
        length = int.from_bytes(data[:8], "little")
        if not 0 < length <= min(len(data) - 8, _LONGEST_HEADER):
            raise ValueError("it does not begin like one, or its end is missing")
        header = json.loads(data[8 : 8 + length])
        texts = {str(key): str(value) for key, value in dict(header.get("__metadata__") or {}).items()}
        return load(data), texts
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise EditError(
            f"{name} is not a whole safetensors file ({reason}); give a file exported here, or copy it again."
        ) from error
