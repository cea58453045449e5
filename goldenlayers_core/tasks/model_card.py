"""What is worth showing of a loaded model. No torch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from goldenlayers_core.records import SCOPES, ModelSource

if TYPE_CHECKING:
    from goldenlayers_core.models import ModelHandle


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is worth showing of a loaded model."""

    name: str
    source: ModelSource
    architecture: str
    model_type: str
    n_layers: int
    hidden_size: int
    vocabulary_size: int
    n_parameters: int
    n_bytes: int  # of the weights in memory
    dtype: str
    device: str
    fingerprint: str
    has_chat_template: bool
    matrices: tuple[str, ...]  # per block, for scope "block"
    n_bytes_plain: int = 0  # of the weights as plain numbers of the dtype, as a merged checkpoint has them
    quantised: str = ""  # how the weights are quantised, in words; "": they are not
    scopes: tuple[tuple[str, tuple[str, ...]], ...] = ()  # per scope, the matrices of a block that it names
    spread: tuple[tuple[str, int], ...] = ()  # where blocks stand on several devices, how many on each
    accepted: bool = False  # its row is a discovered one that a person accepted


def card(handle: "ModelHandle") -> ModelCard:
    """What is worth showing of a handle."""
    return ModelCard(
        name=handle.name,
        source=handle.source,
        architecture=handle.architecture.title,
        model_type=handle.architecture.model_type,
        n_layers=handle.n_layers,
        hidden_size=handle.hidden_size,
        vocabulary_size=handle.vocabulary_size,
        n_parameters=handle.n_parameters,
        n_bytes=handle.n_bytes,
        dtype=str(handle.dtype).removeprefix("torch."),
        device=handle.device_name,
        fingerprint=handle.fingerprint,
        has_chat_template=bool(getattr(handle.tokenizer, "chat_template", None)),
        matrices=handle.architecture.matrices("block"),
        n_bytes_plain=handle.n_parameters * handle.dtype.itemsize,
        quantised=handle.quantised,
        scopes=tuple((scope, handle.architecture.matrices(scope)) for scope in SCOPES),
        spread=handle.spread,
        accepted=bool(handle.accepted),
    )
