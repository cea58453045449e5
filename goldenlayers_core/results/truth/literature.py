"""Layers that published configurations edit, per model and method: facts, with the name of their source."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

EASYEDIT: Final = "EasyEdit's configuration"


@dataclass(frozen=True, slots=True)
class Published:
    """One configuration: which layers a method edits in a model."""

    family: str  # model_type of its config.json
    model: str
    n_layers: int  # 0 where it is published for a family, not for a model
    method: str  # as published; methods of this program by their names in capitals
    layers: tuple[int, ...]  # a window has several
    source: str

    @property
    def middle(self) -> int:
        """The middle of a window, which is the layer that a window is chosen by here."""
        return self.layers[len(self.layers) // 2]

    @property
    def words(self) -> str:
        """`layer 5`, `layers 4 to 8`."""
        first, last = self.layers[0], self.layers[-1]
        return f"layer {first}" if first == last else f"layers {first} to {last}"

    def at_same_depth(self, n_layers: int) -> int | None:
        """The layer of a model of `n_layers` that lies as deep, relatively; None where depth says nothing."""
        if self.n_layers < 2 or n_layers < 2:
            return None
        return round(self.middle * (n_layers - 1) / (self.n_layers - 1))


def _span(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


def _of(family: str, model: str, n_layers: int, *rows: tuple[str, tuple[int, ...], str]) -> tuple[Published, ...]:
    return tuple(Published(family, model, n_layers, method, layers, source) for method, layers, source in rows)


PUBLISHED: Final = (
    *_of(
        "llama",
        "Llama-3-8B",
        32,
        ("ROME", (5,), EASYEDIT),
        ("MEMIT", _span(4, 8), EASYEDIT),
        ("FT", (21,), EASYEDIT),
        ("LocFT", (22,), "LocFT's configuration"),
        ("CrispEdit", _span(19, 23), "CrispEdit's configuration"),
        ("WISE", (29,), EASYEDIT),
    ),
    *_of(
        "qwen2",
        "Qwen2.5-7B",
        28,
        ("ROME", (5,), EASYEDIT),
        ("MEMIT", _span(4, 8), EASYEDIT),
        ("LocFT", (6,), "LocFT's configuration"),
        ("GRACE", (18,), EASYEDIT),
        ("WISE", (23,), EASYEDIT),
        ("UltraEdit", _span(18, 26), "UltraEdit's configuration"),
        ("FT", (27,), EASYEDIT),
    ),
    *_of(
        "gpt2",
        "GPT-2 XL",
        48,
        ("ROME", (17,), "ROME (Meng et al. 2022)"),
        ("MEMIT", _span(13, 17), EASYEDIT),
    ),
    *_of(
        "gptj",
        "GPT-J",
        28,
        ("ROME", (5,), "ROME (Meng et al. 2022)"),
        ("MEMIT", _span(3, 8), "MEMIT (Meng et al. 2023)"),
    ),
)
# methods of this program that stand for a published one; ROME's variants write where ROME does
_STAND_FOR: Final[Mapping[str, str]] = MappingProxyType(
    {"ft-l": "FT", "ft-m": "FT", "r-rome": "ROME", "p-rome": "ROME"}
)


def published_as(method: str) -> str:
    """The name under which a method of this program is published."""
    return _STAND_FOR.get(method, method.upper())


def published_for(family: str) -> tuple[Published, ...]:
    """Everything published for a family, by the depth of its layers."""
    return tuple(sorted((one for one in PUBLISHED if one.family == family), key=lambda one: (one.middle, one.method)))
