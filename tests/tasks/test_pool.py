"""Two models at once, and what makes room for another."""

import gc
import weakref
from pathlib import Path

import psutil
import pytest

from goldenlayers_core.errors import ModelTooLargeError
from goldenlayers_core.models import memory
from goldenlayers_core.records import ModelSource
from goldenlayers_core.tasks import Workbench
from goldenlayers_core.tasks.pool import weight_bytes
from tests.tiny import save_tiny


@pytest.fixture
def two(bench: Workbench, tmp_path: Path) -> tuple[ModelSource, ModelSource]:
    """Two models that were loaded, the first used longest ago."""
    sources = [ModelSource(str(save_tiny(tmp_path / name, seed=seed)), None, "cpu") for seed, name in enumerate("ab")]
    for source in sources:
        bench.model(source)
    return sources[0], sources[1]


def with_room(bench: Workbench, monkeypatch: pytest.MonkeyPatch, models: float) -> None:
    """A machine that holds so many tiny models, of which those in memory take their part."""
    each = memory.bytes_needed(next(iter(bench._models.values())).n_parameters, memory.torch.float32)

    def free(_device: object) -> int:
        return int(models * each) - each * len(bench._models)

    monkeypatch.setattr(memory, "bytes_available", free)


def test_two_models_stay_in_memory_and_the_older_makes_room_for_a_third(bench, two, tmp_path) -> None:
    third = ModelSource(str(save_tiny(tmp_path / "c", seed=2)), None, "cpu")
    first = weakref.ref(bench.model(two[0]).model)
    bench.model(two[1])
    bench.model(third)
    gc.collect()
    assert [bench.loaded(source) is not None for source in (*two, third)] == [False, True, True]
    assert first() is None


def test_the_older_model_is_released_first_where_memory_is_short(bench, two, tmp_path, monkeypatch) -> None:
    bench.model(two[0])  # used last
    with_room(bench, monkeypatch, 2.05)
    fourth = ModelSource(str(save_tiny(tmp_path / "d", seed=3)), None, "cpu")
    bench.model(fourth)
    assert [bench.loaded(source) is not None for source in (*two, fourth)] == [True, False, True]


def test_what_would_not_fit_without_them_either_leaves_them_loaded(bench, two, tmp_path, monkeypatch) -> None:
    fourth = ModelSource(str(save_tiny(tmp_path / "d", seed=3)), None, "cpu")
    monkeypatch.setattr(memory, "bytes_available", lambda _device: -psutil.virtual_memory().total)
    with pytest.raises(ModelTooLargeError) as error:
        bench.model(fourth)
    assert error.value.short_by > sum(weight_bytes(bench.model(source)) for source in two)
    assert all(bench.loaded(source) for source in two)
