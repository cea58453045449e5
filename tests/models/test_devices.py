"""Names of devices, and where the blocks of a model go that is larger than one of them."""

from pathlib import Path
from typing import Any

import pytest
import torch

from goldenlayers_core.errors import ConfigError, ModelError, ModelTooLargeError
from goldenlayers_core.figures.memory import memory_bars
from goldenlayers_core.models import load_model
from goldenlayers_core.models.devices import resolve_devices
from goldenlayers_core.models.offload import device_map
from goldenlayers_core.models.packed import count
from goldenlayers_core.models.spread import devices_of, is_spread
from goldenlayers_core.records import ModelSource
from goldenlayers_core.tasks.fits import device_choices, fit_of
from tests.models.test_offload import WORK, numbers
from tests.tiny import save_tiny, tiny_model

GPUS = torch.device("cuda", 0), torch.device("cuda", 1), torch.device("cuda", 2)
needs_two = pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA GPUs, which are not here")


@pytest.fixture
def three_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)


@pytest.mark.usefixtures("three_gpus")
def test_names_are_read() -> None:
    assert ModelSource("x", device="cuda:0+cuda:1+disk").devices == ("cuda:0", "cuda:1")
    assert ModelSource("x", device="cuda:0+cuda:1+disk").spills
    assert ModelSource("x", device="cpu+disk").devices == ("cpu",)
    assert resolve_devices(("cuda", "cuda:2")) == (GPUS[0], GPUS[2])
    assert resolve_devices(("cpu",)) == (torch.device("cpu"),)


@pytest.mark.usefixtures("three_gpus")
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("cuda:0+cuda:0", r"'cuda:0\+cuda:0' names cuda:0 twice"),
        ("cuda+cuda:0", "names cuda:0 twice"),
        ("cpu+cuda:0", "has 'cpu' in it, and only GPUs can be joined"),
        ("cuda:0+mps", "has 'mps' in it, and only GPUs can be joined"),
        ("cuda:0+", "has '' in it"),
        ("auto+cuda:1", "has 'auto' in it"),
        ("cuda:0+disk+cuda:1", "has 'disk' in it"),
        ("cuda:0+cuda:7", "'cuda:7' was asked for and 3 CUDA devices are here"),
        ("cuda:7", "'cuda:7' was asked for"),
        ("+disk", "'' is unknown"),
    ],
)
def test_nonsense_is_one_sentence(asked: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        load_model("bundled", asked, cache=tmp_path)
    assert str(raised.value).count(". ") == 0


def of_tiny(rooms: list[float], spills: bool = False) -> dict[str, Any]:
    """Where three blocks go: on every device, room for so many of them (on the first, beside what is no block)."""
    model, blocks = tiny_model("llama"), "model.layers"
    one = 4 * count(model.get_submodule(f"{blocks}.0"))
    beside = 4 * count(model) - 3 * one
    first, *others = rooms
    places = [(GPUS[0], int(beside + first * one)), *zip(GPUS[1:], (int(r * one) for r in others), strict=False)]
    found = device_map(model, blocks, 4, places, spills)
    assert {place for name, place in found.items() if not name.startswith(f"{blocks}.")} == {GPUS[0]}
    return {name.removeprefix(f"{blocks}."): place for name, place in found.items() if name.startswith(f"{blocks}.")}


def test_blocks_go_where_there_is_room() -> None:
    assert of_tiny([3, 3]) == {"0": GPUS[0], "1": GPUS[0], "2": GPUS[0]}
    assert of_tiny([1, 3]) == {"0": GPUS[0], "1": GPUS[1], "2": GPUS[1]}
    assert of_tiny([1, 1.5, 1.9]) == {"0": GPUS[0], "1": GPUS[2], "2": GPUS[1]}  # each where most is left
    assert of_tiny([2, 1], spills=True) == {"0": GPUS[0], "1": GPUS[1], "2": "cpu"}  # one is kept free to be used in


def test_what_fits_on_all_of_them_together_only_not_at_all() -> None:
    with pytest.raises(ModelTooLargeError, match=r"cuda:0\+cuda:1 have .* name more GPUs") as raised:
        of_tiny([1, 1.5])
    assert raised.value.short_by > 0
    with pytest.raises(ModelError, match="has not left for weights"):
        of_tiny([-1, 9])


@needs_two
@pytest.mark.parametrize("row", ["llama", "gpt2"])
@pytest.mark.parametrize("work", ["LGA", "edit-aware", "trace hidden", "lens", "ROME", "ft-m", "sweep"])
def test_on_two_gpus_it_is_the_same_as_on_one(row: str, work: str, tmp_path: Path) -> None:
    folder = str(save_tiny(tmp_path / "model", row))
    whole = load_model(folder, "cuda:0", "float32", cache=tmp_path)
    room = 4 * (whole.n_parameters - 2 * whole.n_block_parameters)  # one of three blocks
    parts = load_model(folder, "cuda:0+cuda:1", "float32", cache=tmp_path, room=room)
    assert is_spread(parts.model)
    assert devices_of(parts.model, parts.architecture.blocks) == {"cuda:0": [0], "cuda:1": [1, 2]}
    one, other = (numbers(on_host(WORK[work](handle))) for handle in (whole, parts))
    torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-5)


def on_host(found: Any) -> Any:
    parts = found if isinstance(found, list) else [found]
    return [part.cpu() if isinstance(part, torch.Tensor) else part for part in parts]


def test_what_cannot_be_spread_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experts = save_tiny(tmp_path / "experts", "mixtral")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (2**34, 2**35))
    with pytest.raises(ModelError, match="cannot be spread over several devices, because its experts' matrices"):
        load_model(str(experts), "cuda:0+cuda:1", cache=tmp_path)


def test_several_gpus_are_offered_together(tmp_path: Path) -> None:
    assert device_choices(tmp_path, "0,1") == ("auto", "cpu", "cuda")
    for name in ("nvidia0", "nvidia1", "nvidia2", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert device_choices(tmp_path, "0,2")[3:] == ("cuda:0+cuda:1", "cuda:0+cuda:1+disk")
    assert device_choices(tmp_path, "1") == device_choices(tmp_path, "") == ("auto", "cpu", "cuda")


def test_the_room_of_several_devices_counts_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = str(save_tiny(tmp_path / "model"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU {index}")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (2**30 * (1 + int(str(index)[-1])), 0))
    one, both = (fit_of(ModelSource(source, None, device), tmp_path) for device in ("cuda:0", "cuda:0+cuda:1"))
    assert (one.device, both.device) == ("cuda:0", "cuda:0+cuda:1")
    assert {room.name: room.free for room in both.rooms if room.name.startswith("cuda")} == {
        "cuda:0": 2**30,
        "cuda:1": 2**31,
    }
    assert "3.0 GiB are free on cuda:0+cuda:1, of which weights may take 0.6 on cuda:0, 1.6 on cuda:1." in both.sentence
    assert "1.0 GiB are free on cuda:0." in one.sentence
    assert memory_bars(both).layout.annotations[0].text == "free: 3.0 GiB"
