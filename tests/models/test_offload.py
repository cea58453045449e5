"""A model whose blocks stand on disk in part gives the numbers of the one in memory, for everything that is done with
it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.utils import OffloadedWeightsLoader
from safetensors.torch import load_file, save_file
from torch import nn

from goldenlayers_core.attribution.causal_trace import trace_requests
from goldenlayers_core.attribution.edit_aware import iter_edit_aware
from goldenlayers_core.attribution.lga import iter_lga
from goldenlayers_core.attribution.logit_lens import likeliest_through_depth
from goldenlayers_core.editing import RomeConfig, Supplies, get_method, rome
from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.errors import ConfigError, EditError, ModelError
from goldenlayers_core.evaluation import evaluate_edit
from goldenlayers_core.evaluation.sweep import sweep
from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.models.offload import device_map, is_offloaded, weight_of
from goldenlayers_core.models.products import applies, few_rows
from goldenlayers_core.records import EditAwareConfig, LgaConfig, TraceConfig
from goldenlayers_core.tasks.edit.export import export_to
from tests.evaluation.test_sweep import FRANCE, TEMPLATES
from tests.tiny import save_tiny

SUPPLIES = Supplies(TEMPLATES)
CONFIG = RomeConfig(steps=4, learning_rate=0.1, stop_loss=0.0, direct_steps=False, patience=0)


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def two(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelHandle, ModelHandle]:
    """(in memory, two of three blocks on disk)"""
    row, home = str(request.param), tmp_path_factory.mktemp("offload")
    folder = save_tiny(home / "model", row)
    whole = load_model(str(folder), "cpu", cache=home)
    part = load_model(str(folder), "cpu+disk", cache=home, room=room_for_one(whole))
    kept = [block.state_dict() for block in part.blocks]
    assert [all(t.is_meta for t in state.values()) for state in kept] == [False, True, True]
    assert is_offloaded(part.model)
    assert not is_offloaded(whole.model)
    return whole, part


def room_for_one(whole: ModelHandle) -> int:
    """Bytes for weights with which one of three blocks is kept beside the one that is brought in."""
    return 4 * (whole.n_parameters - whole.n_block_parameters)


def edited(handle: ModelHandle) -> Edit:
    return rome(handle, FRANCE, 1, CONFIG, SUPPLIES)


def swept(handle: ModelHandle) -> list[float]:
    return [p.metrics["p_new"] for p in sweep(handle, [FRANCE], [0, 1, 2], get_method("rome"), CONFIG, SUPPLIES)]


def by(method: str) -> Callable[[ModelHandle], Any]:
    def made(handle: ModelHandle) -> Any:
        info = get_method(method)
        edit = info.run(handle, FRANCE, 1, info.config_class(), SUPPLIES, None)
        return [f.left @ f.right.T for f in edit.factors] or [c.values for c in edit.codebooks]

    return made


def restored(kind: Any) -> Callable[[ModelHandle], Any]:
    config = TraceConfig(kind=kind, noise=0.7, n_samples=2)
    return lambda handle: next(iter(trace_requests(handle, [FRANCE], config))).effects


WORK: dict[str, Callable[[ModelHandle], Any]] = {
    "LGA": lambda h: next(iter(iter_lga(h, [FRANCE], ["Paris"], LgaConfig(scope="block")))).values,
    "edit-aware": lambda h: next(iter(iter_edit_aware(h, [FRANCE], EditAwareConfig()))).slope,
    "trace hidden": restored("hidden"),
    "trace MLP": restored("mlp"),
    "lens": lambda h: likeliest_through_depth(h, FRANCE.prompt)[1],
    "ROME": lambda h: edited(h).factors[0].left,
    "an edit and its probes": lambda h: [o.divergence for o in evaluate_edit(h, edited(h), FRANCE).outcomes],
    "sweep": swept,
    **{method: by(method) for method in ("ft-m", "grace", "wise")},
}


@pytest.mark.parametrize("work", WORK)
def test_it_is_the_same_as_in_memory(
    two: tuple[ModelHandle, ModelHandle], work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if work == "grace":  # its many steps make much of a rounding: both by the same products
        monkeypatch.setattr("goldenlayers_core.models.products.applies", lambda _handle: False)
    one, other = (numbers(WORK[work](handle)) for handle in two)
    torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-5)
    ids = torch.tensor([[5, 9, 30, 40, 22]])
    with torch.inference_mode():  # and it is as it was
        assert torch.equal(two[1].model(input_ids=ids).logits, two[0].model(input_ids=ids).logits)
    assert weight_of(two[1].mlp_out(1)).equal(weight_of(two[0].mlp_out(1)))


def numbers(found: Any) -> torch.Tensor:
    parts: Sequence[Any] = found if isinstance(found, list) else [found]
    return torch.cat([torch.as_tensor(part).double().reshape(-1) for part in parts])


def test_what_cannot_be_kept_elsewhere_is_one_sentence(two: tuple[ModelHandle, ModelHandle], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="kept in part on disk"):
        next(iter(iter_lga(two[1], [FRANCE], ["Paris"], LgaConfig(precision="bfloat16"))))
    with pytest.raises(EditError, match="export an adapter"):
        export_to(two[1], [edited(two[1])], "merged", tmp_path / "merged")
    export_to(two[1], [edited(two[1])], "peft", tmp_path / "adapter")
    experts = save_tiny(tmp_path / "experts", "mixtral")
    with pytest.raises(ModelError, match="experts' matrices"):
        load_model(str(experts), "cpu+disk", cache=tmp_path)
    with pytest.raises(ModelError, match="has not left for weights"):
        load_model(str(save_tiny(tmp_path / "llama")), "cpu+disk", cache=tmp_path, room=10_000)


def test_numbers_on_disk_are_checked_too(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "broken")
    room = room_for_one(load_model(str(folder), "cpu", cache=tmp_path))
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.2.mlp.up_proj.weight"][0, 0] = torch.nan
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"not finite \(NaN or infinite\) in model.layers.2.mlp.up_proj.weight"):
        load_model(str(folder), "cpu+disk", cache=tmp_path, room=room)


def test_what_fits_stays_whole(tmp_path: Path) -> None:
    handle = load_model(str(save_tiny(tmp_path / "model")), "cpu+disk", cache=tmp_path)
    assert not is_offloaded(handle.model)
    assert numbers(WORK["lens"](handle)).isfinite().all()


def test_a_sweep_gives_the_very_numbers_of_memory(two: tuple[ModelHandle, ModelHandle]) -> None:
    whole, part = two
    if not applies(whole) or type(whole.mlp_out(1)) is not nn.Linear:
        pytest.skip("there is one product for both where oneDNN computes linear maps")
    assert swept(part) == swept(whole)
    assert edited(part).factors[0].left.equal(edited(whole).factors[0].left)


def test_a_pass_with_gradients_keeps_no_weights_for_its_way_back(two: tuple[ModelHandle, ModelHandle]) -> None:
    part = two[1]
    maps = [m for block in part.blocks[1:] for m in block.modules() if type(m) is nn.Linear]
    if not applies(two[0]) or not maps:
        pytest.skip("only what is computed by oneDNN is read again")
    kept: list[torch.Size] = []
    ids = torch.tensor([[5, 9, 30, 40, 22]])
    states = part.embedding(ids).detach().requires_grad_()

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.shape)
        return tensor

    with few_rows(part), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = part.model(inputs_embeds=states).logits.sum()
        shapes = {m.weight.shape for m in maps} | {m.weight.shape[::-1] for m in maps}
        assert kept
        assert not shapes & set(kept)
        (found,) = torch.autograd.grad(loss, states)
    again = part.embedding(ids).detach().requires_grad_()
    with few_rows(two[0]):
        (expected,) = torch.autograd.grad(two[0].model(inputs_embeds=again).logits.sum(), again)
    assert found.equal(expected)


def test_the_shape_of_a_matrix_is_known_without_reading_it(
    two: tuple[ModelHandle, ModelHandle], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, part = two
    expected = whole.shape(whole.mlp_out(2))
    monkeypatch.setattr(OffloadedWeightsLoader, "__getitem__", lambda _loader, key: pytest.fail(f"{key} was read"))
    assert part.shape(part.mlp_out(2)) == expected


def as_of_a_gpu(*asked: Any) -> dict[str, Any]:
    """A map in which the first device stands as a GPU does."""
    found = device_map(*asked)
    return {part: torch.device("cpu") if place == "cpu" else place for part, place in found.items()}


def test_blocks_on_disk_are_read_by_the_name_of_a_device(
    two: tuple[ModelHandle, ModelHandle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU stands in the map as a device, which accelerate hands to safetensors, which takes names only."""
    monkeypatch.setattr("goldenlayers_core.models.offload.device_map", as_of_a_gpu)
    whole = two[0]
    part = load_model(whole.source.source, "cpu+disk", cache=tmp_path, room=room_for_one(whole))
    assert is_offloaded(part.model)
    assert weight_of(part.mlp_out(2)).equal(weight_of(whole.mlp_out(2)))
    torch.testing.assert_close(numbers(WORK["lens"](part)), numbers(WORK["lens"](whole)), rtol=1e-3, atol=1e-5)
