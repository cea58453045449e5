"""Context templates: seeded, clean, and without a trace in the global random state."""

import pytest
import torch

from goldenlayers_core.editing import TemplateConfig, sample_templates, template_key
from goldenlayers_core.editing.templates import SEEDS
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import hooks_on
from tests.tiny import ROWS, tiny_handle


@pytest.mark.parametrize("row", ROWS)
def test_seeded_and_clean(row: str) -> None:
    handle, config = tiny_handle(row), TemplateConfig(n_templates=7, length=12, seed=3)
    state = torch.random.get_rng_state()
    first = sample_templates(handle, config)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(99)
    assert sample_templates(handle, config) == first
    assert first[0] == "{}"
    assert len(first) == 8
    for index, template in enumerate(first[1:]):
        assert template.endswith(". {}")
        assert template.count("{") == template.count("}") == 1
        assert "\n" not in template
        assert template.startswith(SEEDS[index % 5])
    assert sample_templates(handle, TemplateConfig(n_templates=7, length=12, seed=4)) != first
    assert hooks_on(handle.model) == 0


def test_no_templates_is_the_bare_prompt() -> None:
    assert sample_templates(tiny_handle("llama"), TemplateConfig(n_templates=0)) == ("{}",)


def test_the_key_names_model_and_config() -> None:
    handle, other = tiny_handle("llama"), tiny_handle("llama", seed=5)
    keys = {template_key(h, TemplateConfig(seed=s)) for h in (handle, other) for s in (0, 1)}
    assert len(keys) == 4
    assert template_key(handle, TemplateConfig()) == template_key(tiny_handle("llama"), TemplateConfig())


def test_limits() -> None:
    with pytest.raises(ConfigError, match="Templates is -1"):
        TemplateConfig(n_templates=-1)


def test_lengths_on_the_bundled_model(bundled: ModelHandle) -> None:
    templates = sample_templates(bundled, TemplateConfig(n_templates=10, length=10))
    tokens = [len(bundled.tokenizer(t.removesuffix(". {}"))["input_ids"]) for t in templates[1:]]
    assert all(3 <= n <= 6 for n in tokens[:5]), tokens
    assert all(7 <= n <= 11 for n in tokens[5:]), tokens
