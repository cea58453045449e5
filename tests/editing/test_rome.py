"""ROME and R-ROME: the constraint each solves, refusals, cancelling, and a real edit on the bundled model."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from goldenlayers_core.editing import (
    RomeConfig,
    Supplies,
    get_method,
    methods,
    overlay,
    rome,
    sample_templates,
    to_arrays,
)
from goldenlayers_core.editing.clean import clean_pass
from goldenlayers_core.editing.rows import edit_rows
from goldenlayers_core.editing.value import optimise
from goldenlayers_core.errors import Cancelled, ConfigError, EditError, RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.records import EditRequest
from tests.tiny import ROWS, tiny_handle

REQUEST = EditRequest("c1", "The capital of France is", "France", "Rome", "Paris")
TEMPLATES = ("{}", "Therefore it rises. {}", "You and I wrote it, because the mountain is in the Alps. {}")
CONFIG = RomeConfig(steps=4)


def edited_value(handle: ModelHandle, layer: int, key: torch.Tensor, edit_factors: object) -> torch.Tensor:
    """W' k + b of the edited matrix, for one key."""
    matrix = handle.mlp_out(layer)
    left, right = edit_factors.left.double(), edit_factors.right.double()  # type: ignore[attr-defined]
    weight = handle.matrix(matrix).double() + left @ right.T
    bias = getattr(matrix, "bias", None)
    return weight @ key.double() + (bias.double() if bias is not None else 0.0)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("consistent", [False, True])
def test_the_edited_matrix_maps_the_key_to_the_value(row: str, consistent: bool) -> None:
    handle = tiny_handle(row)
    config = replace(CONFIG, consistent_keys=consistent)
    edit = rome(handle, REQUEST, 1, config, Supplies(TEMPLATES))
    clean = clean_pass(handle, edit_rows(handle, REQUEST, TEMPLATES), 1)
    wanted = clean.values[0] + optimise(handle, clean, config).delta[0]  # v* = v_0 + delta
    key = clean.keys[: len(TEMPLATES)].mean(dim=0) if consistent else clean.keys[0]
    got = edited_value(handle, 1, key, edit.factors[0])
    torch.testing.assert_close(got.float(), wanted, rtol=1e-4, atol=1e-4)
    assert edit.factors[0].right.norm() == pytest.approx(1.0, abs=1e-5)


def test_equal_inputs_give_equal_edits() -> None:
    handle = tiny_handle("llama")
    first, second = (rome(handle, REQUEST, 1, CONFIG, Supplies(TEMPLATES)) for _ in range(2))
    assert first == second
    assert all(
        np.array_equal(a, b) for a, b in zip(to_arrays(first)[0].values(), to_arrays(second)[0].values(), strict=True)
    )
    assert rome(handle, REQUEST, 2, CONFIG, Supplies(TEMPLATES)) != first


def test_the_model_is_as_before_after_edits_failures_and_cancelling() -> None:
    handle = tiny_handle("gpt2")
    digest = weights_digest(handle.model)
    rome(handle, REQUEST, 1, CONFIG, Supplies(TEMPLATES))
    done: list[tuple[int, int]] = []

    def cancel(step: int, total: int, _note: str) -> None:
        done.append((step, total))
        if step == 2:
            raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        rome(handle, REQUEST, 1, CONFIG, Supplies(TEMPLATES), cancel)
    assert done == [(1, 4), (2, 4)]
    with pytest.raises(EditError):
        rome(handle, REQUEST, 9, CONFIG, Supplies(TEMPLATES))
    assert weights_digest(handle.model) == digest
    assert hooks_on(handle.model) == 0
    assert not any(p.requires_grad or p.grad is not None for p in handle.model.parameters())
    assert handle.lock.acquire(blocking=False)
    handle.lock.release()


def test_numbers_that_are_not_finite_are_refused() -> None:
    handle = tiny_handle("llama")
    with torch.no_grad():
        handle.head.weight[0, 0] = torch.inf  # type: ignore[index, union-attr, operator]
    with pytest.raises(EditError, match="not finite"):
        rome(handle, REQUEST, 1, CONFIG, Supplies(TEMPLATES))
    assert hooks_on(handle.model) == 0


@pytest.mark.parametrize(
    ("change", "layer", "error", "says"),
    [
        ({"subject": "Spain"}, 1, RequestError, "is not in the prompt"),
        ({"subject": " "}, 1, RequestError, "is empty"),
        ({"target_new": "  "}, 1, RequestError, "is empty"),
        ({"prompt": "France " * 200}, 1, RequestError, "takes at most 128; shorten it"),
        ({}, 3, EditError, "has layers 0 to 2"),
        ({}, -1, EditError, "has layers 0 to 2"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    change: dict[str, str], layer: int, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        rome(tiny_handle("llama"), replace(REQUEST, **change), layer, CONFIG, Supplies(TEMPLATES))
    assert "\n" not in str(caught.value)


def test_templates_must_begin_with_the_bare_prompt() -> None:
    for templates in ((), ("It is. {}",), ("{}", "no place")):
        with pytest.raises(EditError, match="bare prompt"):
            rome(tiny_handle("llama"), REQUEST, 1, CONFIG, Supplies(templates))


def test_settings_have_words_and_limits_for_a_form() -> None:
    for method in methods():
        for each in fields(method.config_class):
            assert each.metadata["label"]
            assert each.metadata["help"]
            if isinstance(each.default, str):
                assert each.default in each.metadata["options"]
            elif not isinstance(each.default, bool):
                assert each.metadata["min"] <= each.default <= each.metadata["max"]
    with pytest.raises(ConfigError, match=r"Steps is 0; give a number from 1 to 500\."):
        RomeConfig(steps=0)
    with pytest.raises(ConfigError, match="Learning rate is nan"):
        RomeConfig(learning_rate=float("nan"))
    with pytest.raises(ConfigError, match="Key covariance is 'wikipedia'; choose one of identity, samples, text"):
        RomeConfig(covariance="wikipedia")


def test_the_registry() -> None:
    names = [m.name for m in methods()]
    assert names[:7] == ["rome", "r-rome", "p-rome", "emmet", "memit", "pmet", "alphaedit"]
    assert len(set(names)) == len(names)
    with pytest.raises(ConfigError, match="choose one of rome, r-rome"):
        get_method("mend")
    handle = tiny_handle("llama")
    edits = {}
    for method in map(get_method, ("rome", "r-rome")):
        config = method.config_class(steps=3)
        edits[method.name] = method.run(handle, REQUEST, 1, config, Supplies(TEMPLATES), None)
        assert edits[method.name].method == method.name
    assert get_method("r-rome").config_class().consistent_keys
    assert edits["rome"] != edits["r-rome"]


def test_a_prompt_with_braces() -> None:
    request = replace(REQUEST, prompt="In {braces} the capital of France is")
    edit = rome(tiny_handle("llama"), request, 1, CONFIG, Supplies(TEMPLATES))
    assert edit.fact.prompt == request.prompt


def test_a_real_edit_takes(bundled: ModelHandle) -> None:
    digest = weights_digest(bundled.model)
    config = RomeConfig(n_templates=4)
    edit = rome(bundled, REQUEST, 5, config, Supplies(sample_templates(bundled, config.templates)))
    ids = bundled.tokenizer("The capital of France is", return_tensors="pt")["input_ids"]

    def next_word() -> str:
        with bundled.lock, torch.no_grad():
            return str(bundled.tokenizer.decode(bundled.model(input_ids=ids).logits[0, -1].argmax()))

    assert next_word() == " Paris"
    with bundled.lock, overlay(bundled, [edit]):
        assert next_word() == " Rome"
    assert next_word() == " Paris"
    assert 0.01 < edit.weight_change < 0.5
    assert weights_digest(bundled.model) == digest
    assert hooks_on(bundled.model) == 0
