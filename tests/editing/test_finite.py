"""float16 ends at 65,504: what overflows there stops with one sentence that says which dtype to take."""

import dataclasses

import pytest
import torch

from goldenlayers_core.editing import (
    Edit,
    Factors,
    TemplateConfig,
    batch_overlay,
    get_method,
    overlay,
    sample_templates,
)
from goldenlayers_core.editing import methods as all_methods
from goldenlayers_core.editing.clean import clean_pass
from goldenlayers_core.editing.delta import make_edit
from goldenlayers_core.editing.estimate import SampleConfig, moments_of_samples
from goldenlayers_core.editing.moments import KeyMoments
from goldenlayers_core.editing.rome import rank_one
from goldenlayers_core.editing.rows import edit_rows
from goldenlayers_core.editing.supplies import Supplies
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from tests.editing.test_overlay import REQUEST, logits
from tests.tiny import tiny_handle


def overflowing() -> ModelHandle:
    """A model in float16 whose keys at layer 1 are larger than float16 can say."""
    handle = tiny_handle("llama")
    for name in ("gate_proj", "up_proj"):
        getattr(handle.blocks[1].mlp, name).weight.data *= 3000
    handle.model.half()
    return handle


def large(handle: ModelHandle, rank: int = 1) -> Edit:
    left = torch.zeros(handle.hidden_size, rank)
    left[0] = 1e5
    return make_edit(handle, REQUEST, "large", [Factors(1, left, torch.full((48, rank), 1e-4))], {})


def test_an_edit_that_float16_cannot_hold_is_not_laid_over() -> None:
    handle = tiny_handle("llama")
    edit = large(handle)
    with overlay(handle, [edit]):
        assert logits(handle).isfinite().all()
    handle.model.half()
    for laid in (overlay(handle, [edit]), batch_overlay(handle, [edit, None])):
        with pytest.raises(EditError, match=r"numbers up to 100,000, .* float16; load the model as float32"), laid:
            pass
    with overlay(handle, [large(handle, 32)]):  # laid over as their product, which float16 holds
        assert logits(handle).isfinite().all()


@pytest.mark.parametrize("name", [m.name for m in all_methods() if m.kind != "prompt"])
def test_every_method_stops_with_one_sentence(name: str) -> None:
    handle, method = overflowing(), get_method(name)
    eye = {layer: KeyMoments(layer, torch.eye(48), 100, "nothing") for layer in range(3)}
    config = method.config_class(steps=2)
    with pytest.raises(EditError, match="not finite") as caught:
        method.run(handle, REQUEST, 1, config, Supplies(moments=eye), None)
    assert "float32" in str(caught.value)


def test_a_key_that_is_not_finite_is_not_called_orthogonal() -> None:
    handle = tiny_handle("llama")
    clean = clean_pass(handle, edit_rows(handle, REQUEST, ("{}",)), 1)
    broken = dataclasses.replace(clean, keys=clean.keys.masked_fill(clean.keys == clean.keys.max(), torch.inf))
    with pytest.raises(EditError, match="The key at layer 1 has numbers that are not finite"):
        rank_one(broken, torch.ones(handle.hidden_size))


def test_nothing_is_sampled_from_a_model_whose_numbers_are_not_finite() -> None:
    handle = overflowing()
    with pytest.raises(EditError, match="puts out numbers that are not finite in float16; load it as float32"):
        sample_templates(handle, TemplateConfig(2))
    with pytest.raises(EditError, match="puts out numbers that are not finite in float16; load it as float32"):
        moments_of_samples(handle, [0], SampleConfig(n_tokens=64, length=8))
