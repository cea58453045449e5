"""Quantised folders: which methods are read here and how, and why the others are refused before a weight is read."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from safetensors import safe_open

from goldenlayers_core.errors import ModelError
from goldenlayers_core.models.memory import loaded_files

Treatment = Literal["kept", "dequantised"]
BITSANDBYTES: Final = "bitsandbytes"
_FIELDS: Final = ("quantization_config", "compression_config")  # the second is compressed-tensors' earlier word

_UNPACKED: Final = (
    "whose packed weights only its own package unpacks, which is no part of this program",
    (
        *(("gptq", "GPTQ"), ("awq", "AWQ"), ("auto-round", "AutoRound"), ("hqq", "HQQ"), ("quanto", "Quanto")),
        *(("compressed-tensors", "compressed-tensors"), ("eetq", "EETQ"), ("aqlm", "AQLM"), ("vptq", "VPTQ")),
        *(("spqr", "SpQR"), ("higgs", "HIGGS"), ("fp_quant", "FP-Quant"), ("quark", "Quark"), ("sinq", "SINQ")),
        ("fouroversix", "Four Over Six"),
    ),
)
_OWN_TENSORS: Final = (
    "whose weights are tensors of a class of their own, on which scores and edits have not been verified",
    (("torchao", "torchao"),),
)
_ROUNDED: Final = (
    "which rounds activations, too, so that no linear map stands for a layer and its scores would be of another model",
    (("bitnet", "BitNet"), ("fbgemm_fp8", "FBGEMM fp8"), ("nvfp4", "NVFP4")),
)
_UNTRIED: Final = (
    "which has not been held against its dequantised model here",
    (("mxfp4", "MXFP4"), ("mxfp8", "MXFP8"), ("metal", "Metal"), ("gemma", "Gemma's own quantisation")),
)
REFUSED: Final = (_UNPACKED, _OWN_TENSORS, _ROUNDED, _UNTRIED)
"""(reason, every (`quant_method`, title) that it holds for)."""
_PACKED_NAMES: Final = (
    (".qweight", "GPTQ or AWQ"),
    (".weight_packed", "compressed-tensors"),
    (".W_q", "HQQ"),
    (".SCB", "bitsandbytes"),
    (".weight.absmax", "bitsandbytes"),
    (".weight_scale_inv", "fp8"),
)
_INSTEAD: Final = "load the model it was made from, or one quantised by bitsandbytes or in fp8"


@dataclass(frozen=True, slots=True)
class Quantised:
    """How a folder's weights are quantised, and what becomes of them."""

    method: str  # `quant_method`
    title: str
    treatment: Treatment  # kept: each matrix is dequantised when it is used; dequantised: when it is read
    settings: Mapping[str, Any]  # the quantization_config

    @property
    def words(self) -> str:
        """For a person: what it is, and what is computed with."""
        if self.treatment == "dequantised":
            return f"{self.title}, dequantised when it was read"
        return f"{self.title}, each matrix dequantised when it is used"


def quantised_of(name: str, folder: Path, config: Mapping[str, Any]) -> Quantised | None:
    """What config.json says of a folder's weights; None where they are plain numbers. `name` is for the sentence.

    Raises ModelError, in one sentence, for a method that cannot be read right here. Reads headers, and no weight.
    """
    found = method_of(name, config)
    if found is None:
        _check_plain(name, folder)
    return found


def told(name: str, config: Mapping[str, Any]) -> tuple[str, str]:
    """(how a model is quantised, why it cannot be read here), of its configuration alone; "" where neither is so."""
    try:
        found = method_of(name, config)
    except ModelError as error:
        return str((_settings(config) or {}).get("quant_method") or "unnamed"), str(error)
    return (found.title if found else ""), ""


def method_of(name: str, config: Mapping[str, Any]) -> Quantised | None:
    """`quantised_of` without a look at the weights."""
    found = _settings(config)
    if found is None:
        return None
    method = str(found.get("quant_method") or ("bitsandbytes" if _bits(found) else ""))
    if method == BITSANDBYTES:
        return _bitsandbytes(name, found)
    if method == "fp8":
        # whatever it was, a GPU's kernels round the activations: what is read here is the weights alone
        return Quantised(method, "fp8", "dequantised", found)
    if not method:
        raise ModelError(f"The config.json of {name} has a quantization_config that names no method; {_INSTEAD}.")
    for reason, methods in REFUSED:
        for known, title in methods:
            if known == method:
                raise ModelError(f"{name} is quantised by {title}, {reason}; {_INSTEAD}.")
    raise ModelError(f"{name} is quantised by {method[:40]!r}, which is not known here; {_INSTEAD}.")


def n_weights(folder: Path, found: Quantised | None, n_stored: int, itemsize: int) -> int:
    """How many weights of `itemsize` bytes fill the memory that a folder's `n_stored` ones take once they are read."""
    if found is None or found.treatment != "kept":
        return n_stored
    n_bytes = 0
    for _, dtype, shape in _headers(folder):
        size = 1
        for extent in shape:
            size *= extent
        n_bytes += size * (1 if dtype in ("I8", "U8") else itemsize)
    return -(-n_bytes // itemsize)


def _settings(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The quantization_config, wherever it stands: in a model of several parts it may be the text model's."""
    text = config.get("text_config")
    for part in (config, text if isinstance(text, Mapping) else getattr(text, "__dict__", {})):
        for field in _FIELDS:
            if (found := part.get(field)) is not None:
                settings = dict(found) if isinstance(found, Mapping) else {}
                return {"quant_method": "compressed-tensors", **settings} if field == _FIELDS[1] else settings
    return None


def _bits(settings: Mapping[str, Any]) -> int:
    """4 or 8 as bitsandbytes says it; 0 where neither is switched on."""
    four, eight = (settings.get(f"load_in_{n}bit") or settings.get(f"_load_in_{n}bit") for n in (4, 8))
    return 4 if four else 8 if eight else 0


def _bitsandbytes(name: str, settings: Mapping[str, Any]) -> Quantised:
    if not (bits := _bits(settings)):
        raise ModelError(
            f"The config.json of {name} names bitsandbytes and neither load_in_8bit nor load_in_4bit; {_INSTEAD}."
        )
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError(
            f"{name} is quantised by bitsandbytes, which is not installed here; run `make quantised`, or load the "
            "model it was made from."
        )
    kind = f" ({settings.get('bnb_4bit_quant_type', 'fp4')})" if bits == 4 else ""
    return Quantised(BITSANDBYTES, f"bitsandbytes {bits}-bit{kind}", "kept", settings)


def _check_plain(name: str, folder: Path) -> None:
    """Raises ModelError where tensors are packed and config.json does not say how."""
    for key, _, _ in _headers(folder):
        for ending, title in _PACKED_NAMES:
            if key.endswith(ending):
                raise ModelError(
                    f"The weights of {name} are quantised ({key}, as of {title}) and its config.json has no "
                    f"quantization_config; put the config.json that belongs to them beside them, or {_INSTEAD}."
                )


def _headers(folder: Path) -> list[tuple[str, str, list[int]]]:
    """(name, dtype, shape) of every stored tensor, from the headers alone."""
    found = []
    for file in loaded_files(folder):
        with safe_open(str(file), framework="pt") as tensors:
            for key in tensors.keys():  # noqa: SIM118  # it is no dict
                part = tensors.get_slice(key)
                found.append((key, str(part.get_dtype()), list(part.get_shape())))
    return found
