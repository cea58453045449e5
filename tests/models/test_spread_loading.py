"""The whole way of `cuda:0+cuda:1` and `cuda:0+cuda:1+disk` but the names: a model is loaded onto two devices."""

from pathlib import Path

import pytest
import torch

from goldenlayers_core.models import load_model
from goldenlayers_core.models.offload import is_offloaded, weight_of
from goldenlayers_core.models.spread import is_spread
from tests.devices import HOST, OTHER, two_devices
from tests.models.test_offload import WORK, as_of_a_gpu, numbers
from tests.tiny import save_tiny


@pytest.mark.parametrize("spills", [False, True])
@pytest.mark.parametrize("row", ["llama", "gpt2"])
def test_it_is_loaded_onto_both(row: str, spills: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_model(str(save_tiny(tmp_path / "model", row)), "cpu", cache=tmp_path)
    block = 4 * whole.n_block_parameters
    beside = 4 * whole.n_parameters - whole.n_layers * block
    rooms = (HOST, beside + (2 if spills else 1) * block), (OTHER, block if spills else 2 * block)
    monkeypatch.setattr("goldenlayers_core.models.opening.resolve_devices", lambda _names: (HOST, OTHER))
    monkeypatch.setattr("goldenlayers_core.models.opening.rooms_on", lambda _devices, _room: rooms)
    monkeypatch.setattr("goldenlayers_core.models.offload.device_map", as_of_a_gpu)
    monkeypatch.setattr("goldenlayers_core.models.products.applies", lambda _handle: False)  # as on a GPU
    with two_devices() as places:
        found = load_model(whole.source.source, "cpu+disk" if spills else "cpu", cache=tmp_path)
        where = [{p.device for p in found.blocks[layer].parameters()} for layer in range(3)]
        assert where == [{HOST}, {OTHER}, {torch.device("meta") if spills else OTHER}]
        assert is_spread(found.model)
        assert is_offloaded(found.model) == spills
        other = {work: numbers(WORK[work](found)) for work in ("lens",)}
        assert weight_of(found.mlp_out(2)).to(HOST).equal(weight_of(whole.mlp_out(2)))
    assert places.n_there
    assert found.fingerprint == whole.fingerprint
    for work, mine in other.items():
        torch.testing.assert_close(mine, numbers(WORK[work](whole)), rtol=1e-3, atol=1e-5)
