"""A model whose blocks stand on two devices gives the numbers of the one on one device, for everything that is done
with it; and no operation takes tensors of both."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import dispatch_model
from safetensors.torch import load_file, save_file

from goldenlayers_core.attribution.damage import curvatures
from goldenlayers_core.editing.estimate import moments_of_text
from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.models.offload import weight_of
from goldenlayers_core.models.spread import devices_of, is_spread, settle
from goldenlayers_core.tasks.edit.export import export_to
from tests.devices import HOST, MAIN, OTHER, move, two_devices
from tests.models.test_offload import WORK, edited, numbers
from tests.tiny import INNER, save_tiny

Two = tuple[ModelHandle, ModelHandle]
AWAY = (1, 2)  # of three blocks


def spread(handle: ModelHandle) -> None:
    """Put a model on two devices as transformers does with a map of them, and settle it."""
    blocks = handle.architecture.blocks
    places = {name: MAIN for name, _ in handle.model.named_children()}
    for name, part in handle.model.named_modules():
        if blocks.startswith(f"{name}.") or name == blocks:
            places.pop(name, None)
            places |= {f"{name}.{child}": MAIN for child, _ in part.named_children()}
    places |= {f"{blocks}.{layer}": OTHER for layer in AWAY}
    places.pop(blocks, None)
    move(handle.model, MAIN)
    for layer in AWAY:
        move(handle.blocks[layer], OTHER)
    skipped = handle.model._skip_keys_device_placement
    dispatch_model(handle.model, places, main_device=OTHER, skip_keys=skipped)  # accelerate picks any
    settle(handle.model, blocks, MAIN)


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def two(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Two:
    """(on one device, on two)"""
    home = tmp_path_factory.mktemp("spread")
    folder = save_tiny(home / "model", str(request.param))
    whole, parts = (load_model(str(folder), "cpu", cache=home) for _ in range(2))
    with two_devices():
        spread(parts)
    assert parts.device == MAIN
    assert weight_of(parts.mlp_out(1)).device == OTHER
    assert is_spread(parts.model)
    assert not is_spread(whole.model)
    return whole, parts


def test_the_devices_are_told_apart(two: Two) -> None:
    with two_devices():
        here, there = torch.ones(2, device=MAIN), torch.ones(2, device=OTHER)
        for refused in (
            lambda: here + there,
            lambda: torch.cat([here, there]),
            lambda: here + torch.ones(2),
            lambda: here[torch.tensor([0], device=OTHER)],
            lambda: two[1].mlp_out(1)._old_forward(torch.ones(1, 1, INNER, device=MAIN)),  # without accelerate
        ):
            with pytest.raises(RuntimeError, match="on the same device"):
                refused()
        assert (here + there.to(MAIN)).tolist() == [2.0, 2.0]


@pytest.mark.parametrize("taken", ["hooks", "kept", "settled"])
def test_without_a_move_it_is_refused(two: Two, taken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the three things that keep the devices apart is needed."""
    if taken == "hooks":
        monkeypatch.setattr("goldenlayers_core.models.hooks.at_home", lambda _module, tensor: tensor)
        work = "edit-aware"
    elif taken == "kept":
        for file in ("attribution.trace_runs", "editing.suffix", "editing.onward"):
            monkeypatch.setattr(f"goldenlayers_core.{file}.at", lambda tensor, *index: tensor[index])
        work = "ROME"
    else:
        monkeypatch.setattr(two[1].model._hf_hook, "execution_device", OTHER)  # what accelerate picked
        work = "sweep"
    with pytest.raises(RuntimeError, match="on the same device"):
        done(two[1], work)


def test_what_is_read_of_a_block_stands_at_home(two: Two) -> None:
    whole, parts = two
    with two_devices():
        found = parts.matrix(parts.mlp_out(1))
        assert found.device == MAIN
        assert torch.equal(found.cpu(), whole.matrix(whole.mlp_out(1)))
    assert parts.shape(parts.mlp_out(1)) == whole.shape(whole.mlp_out(1)) == tuple(found.shape)
    assert parts.spread == ((str(MAIN), 1), (str(OTHER), 2))
    assert whole.spread == ()
    assert parts.device_name == f"{MAIN}+{OTHER}"
    assert devices_of(parts.model, parts.architecture.blocks) == {str(MAIN): [0], str(OTHER): [1, 2]}


WRITTEN: dict[str, Callable[[ModelHandle, Path], Any]] = {
    "merged": lambda h, to: export_to(h, [edited(h)], "merged", to),
    "peft": lambda h, to: export_to(h, [edited(h)], "peft", to),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_an_export_is_the_same(two: Two, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goldenlayers_core.models.products.applies", lambda _handle: False)

    def saved(model: Any, folder: Path) -> None:  # safetensors reads memory that is not there
        save_file({name: t.cpu().clone() for name, t in model.state_dict().items()}, folder / "all.safetensors")

    monkeypatch.setattr(type(two[0].model), "save_pretrained", saved)
    WRITTEN[kind](two[0], tmp_path / "one")
    with two_devices():
        WRITTEN[kind](two[1], tmp_path / "two")
    one, other = (load_file(next((tmp_path / name).glob("*.safetensors"))) for name in ("one", "two"))
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(other[name], one[name], rtol=1e-3, atol=1e-5)


def test_the_moments_of_damage_are_the_same(two: Two) -> None:
    rows = [torch.tensor([[5, 9, 30, 40, 22], [6, 7, 8, 9, 10]])]
    one = curvatures(two[0], rows)
    with two_devices():
        other = curvatures(two[1], rows)
        found = {layer: (each.keys.cpu(), each.gradients.cpu()) for layer, each in other.items()}
    for layer, each in one.items():
        torch.testing.assert_close(found[layer], (each.keys, each.gradients), rtol=1e-4, atol=1e-6)


def done(handle: ModelHandle, work: str) -> torch.Tensor:
    if handle.device == HOST:
        return numbers(WORK[work](handle))
    with two_devices():
        found: Any = WORK[work](handle)
        parts = found if isinstance(found, list) else [found]
        return numbers([p.cpu() if isinstance(p, torch.Tensor) else p for p in parts])


def alone(handle: ModelHandle) -> ModelHandle:
    """The same model, all of it on the first device."""
    again = load_model(handle.source.source, "cpu", cache=Path(handle.source.source).parent)
    with two_devices():
        move(again.model, MAIN)
    return again


@pytest.mark.parametrize("work", WORK)
def test_it_is_the_same_as_on_one_device(two: Two, work: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goldenlayers_core.models.products.applies", lambda _handle: False)  # both by the same products
    if work == "grace":  # its many steps make much of a rounding: both by the same operations
        one, other = done(alone(two[0]), work), done(two[1], work)
    else:
        one, other = (done(handle, work) for handle in two)
    torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-5)


def test_covariances_are_the_same(two: Two) -> None:
    text = "The capital of France is Paris and the capital of Italy is Rome. " * 8
    one = moments_of_text(two[0], [0, 1, 2], text, "a text", 64, 16)
    with two_devices():
        other = {
            layer: c.second.cpu() for layer, c in moments_of_text(two[1], [0, 1, 2], text, "a text", 64, 16).items()
        }
    for layer, each in one.items():
        torch.testing.assert_close(other[layer], each.second, rtol=1e-4, atol=1e-6)
