"""A loaded model with everything the rest needs to know about it."""

import threading
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from goldenlayers_core.errors import EditError
from goldenlayers_core.models.architectures import Architecture
from goldenlayers_core.models.experts import Inner, Out, split_experts
from goldenlayers_core.models.offload import weight_of
from goldenlayers_core.models.packed import Packed, bytes_of, count
from goldenlayers_core.models.spread import NOWHERE, at_home, devices_of
from goldenlayers_core.records import ModelSource, Scope


def part_at(whole: object, path: str) -> Any:
    """What stands at a dotted path of a module; None where nothing does."""
    for name in path.split("."):
        whole = getattr(whole, name, None)
    return whole


@dataclass(frozen=True, eq=False)
class ModelHandle:
    """A frozen decoder-only language model. Hold `lock` around every forward pass and hook."""

    name: str
    source: ModelSource
    model: Any  # a transformers causal language model
    tokenizer: Any
    architecture: Architecture
    fingerprint: str  # content digest of config and weights, as stored
    wording: str = ""  # content digest of the tokenizer's files; "": both are this program's own making
    quantised: str = ""  # how the weights are quantised and what is computed with, in words; "": they are not
    accepted: str = ""  # digest of the accepted row that it was loaded with; "": its row is the table's
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        split_experts(self.model, self.architecture)

    @property
    def blocks(self) -> nn.ModuleList:
        """The L blocks, shallow first."""
        blocks: nn.ModuleList = self.model.get_submodule(self.architecture.blocks)
        return blocks

    @property
    def n_layers(self) -> int:
        return len(self.blocks)

    @property
    def embedding(self) -> nn.Module:
        module: nn.Module = self.model.get_submodule(self.architecture.embedding)
        return module

    @property
    def head(self) -> nn.Module:
        """The LM head."""
        module: nn.Module = self.model.get_output_embeddings()
        return module

    @property
    def device(self) -> torch.device:
        return self.embedding.weight.device  # type: ignore[return-value]

    @property
    def device_name(self) -> str:
        """The device, or all that blocks stand on: cuda:0+cuda:1."""
        places = [place for place in devices_of(self.model, self.architecture.blocks) if place != NOWHERE]
        return "+".join(dict.fromkeys((str(self.device), *sorted(places))))

    @property
    def spread(self) -> tuple[tuple[str, int], ...]:
        """Devices, and how many blocks stand on each; () where all stand on one."""
        places = devices_of(self.model, self.architecture.blocks)
        return tuple((device, len(layers)) for device, layers in places.items()) if len(places) > 1 else ()

    @property
    def dtype(self) -> torch.dtype:
        return self.embedding.weight.dtype  # type: ignore[return-value]

    @property
    def dtype_name(self) -> str:
        """The number format without torch's name: float32."""
        return str(self.dtype).removeprefix("torch.")

    @property
    def n_parameters(self) -> int:
        return count(self.model)

    @property
    def n_block_parameters(self) -> int:
        """Of the first block."""
        return count(self.blocks[0])

    @property
    def n_bytes(self) -> int:
        """Of the weights in memory."""
        return bytes_of(self.model)

    @property
    def hidden_size(self) -> int:
        """Width of the residual stream."""
        return int(self.model.config.get_text_config().hidden_size)

    @property
    def vocabulary_size(self) -> int:
        return int(self.head.weight.shape[0])  # type: ignore[index]

    @property
    def result_key(self) -> str:
        """Names everything of the model that can change a number: fingerprint, dtype, kind of device, tokenizer, and a
        row that is not the table's."""
        parts = (self.fingerprint, self.dtype_name, self.device.type, self.wording, self.accepted)
        return "-".join(part for part in parts if part)

    def check_layer(self, layer: int) -> None:
        """Raises EditError when `layer` is not one of this model's."""
        if not 0 <= layer < self.n_layers:
            raise EditError(f"Layer {layer} was asked for; {self.name} has layers 0 to {self.n_layers - 1}.")

    def site(self, layer: int, path: str) -> nn.Module:
        """The matrix at `path` (an entry of the architecture row) of one block."""
        module: nn.Module = self.blocks[layer].get_submodule(path)
        return module

    def has(self, layer: int, path: str) -> bool:
        """Whether one block has something at `path`."""
        return part_at(self.blocks[layer], path) is not None

    def mixer(self, layer: int) -> tuple[str, ...]:
        """Paths of the matrices that mix the tokens in one block: attention's, or those of what stands in its place."""
        row = self.architecture
        other = bool(row.other_mixer) and all(self.has(layer, path) for path in row.other_mixer)
        return row.other_mixer if other else row.attention

    def mlp(self, layer: int) -> tuple[str, ...]:
        """Paths of a block's MLP matrices, the one that the editors write to last."""
        row = self.architecture
        return row.dense_mlp if row.dense_mlp and not self.has(layer, row.mlp_out) else row.mlp

    def mlp_whole(self, layer: int) -> nn.Module:
        """What puts out all that a block's MLP does."""
        return self.site(layer, self.architecture.mlp_whole or self.mlp(layer)[-1])

    def mlp_out(self, layer: int) -> nn.Module:
        """The matrix the editors write to."""
        self.check_layer(layer)
        return self.site(layer, self.mlp(layer)[-1])

    def mixer_out(self, layer: int) -> nn.Module:
        """The last matrix of a block's attention, or of what stands in its place."""
        return self.site(layer, self.mixer(layer)[-1])

    def sites(self, scope: Scope) -> dict[str, nn.Module]:
        """Every matrix of `scope`, by "layer/path". Some of Gemma 4's layers have none for values but the keys'."""
        found: dict[str, nn.Module] = {}
        for layer in range(self.n_layers):
            here = {*self.mixer(layer), *self.mlp(layer)}
            paths = [path for path in self.architecture.matrices(scope) if path in here and self.has(layer, path)]
            if scope == "mlp_out":
                paths = [self.mlp(layer)[-1]]
            found |= {f"{layer}/{path}": self.site(layer, path) for path in paths}
        return found

    def shape(self, module: nn.Module) -> tuple[int, int]:
        """(d_out, d_in) of a site's weight, whatever its orientation and however it is stored."""
        if isinstance(module, Packed):
            return module.out_features, module.in_features
        if isinstance(module, Inner | Out):
            return module.shape
        weight: Any = module.weight  # of one that is kept on disk the shape is here
        rows, columns = weight.shape
        return (int(columns), int(rows)) if self.architecture.orientation == "in_out" else (int(rows), int(columns))

    def matrix(self, module: nn.Module) -> Tensor:
        """(d_out, d_in) view of a site's weight, whatever its orientation; a quantised one is dequantised. On the
        model's first device, wherever the site is."""
        if isinstance(module, Packed):
            return module.dense().to(self.dtype)
        weight = at_home(module, weight_of(module))
        return weight.T if self.architecture.orientation == "in_out" else weight
