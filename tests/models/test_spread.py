"""A model whose blocks stand on two devices gives the numbers of the one on one device, for everything that is done with
it; and no operation takes tensors of both."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import dispatch_model

from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.models.offload import weight_of
from goldenlayers_core.models.spread import is_spread, settle
from tests.devices import HOST, MAIN, OTHER, move, two_devices
from tests.models.test_offload import WORK, numbers
from tests.tiny import save_tiny

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
def two(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
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
    yield whole, parts


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
