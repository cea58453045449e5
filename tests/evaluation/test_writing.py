"""Fluency and perplexity drift inside the sweep: the same as one edit at a time under a plain overlay."""

import pytest

from goldenlayers_core.editing import RomeConfig, Supplies, get_method, overlay, rome
from goldenlayers_core.evaluation.fluency import fluency, neutral_text, perplexity
from goldenlayers_core.evaluation.sweep import UNEDITED, sweep
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest
from tests.tiny import tiny_handle

REQUESTS = (
    EditRequest("1", "The capital of France is", "France", "Rome", "Paris"),
    EditRequest("2", "Japan has the capital", "Japan", "Mont Blanc", "Tokyo"),
)
CONFIG = RomeConfig(steps=3, n_templates=0)


@pytest.mark.parametrize("row", ["llama", "gpt2", "opt", "bloom"])
def test_it_equals_one_edit_at_a_time(row: str) -> None:
    check(tiny_handle(row), (0, 2))


def test_on_the_bundled_model(bundled: ModelHandle) -> None:
    check(bundled, (21,), REQUESTS[:1])


def check(handle: ModelHandle, layers: tuple[int, ...], requests: tuple[EditRequest, ...] = REQUESTS) -> None:
    text, supplies = neutral_text(), Supplies()
    found = list(sweep(handle, requests, layers, get_method("rome"), CONFIG, supplies, writing=True))
    before = perplexity(handle, text)
    for pair in found:
        request = REQUESTS[pair.index]
        if pair.layer == UNEDITED:
            assert pair.metrics["drift"] == 1.0
            assert pair.metrics["fluency"] == pytest.approx(fluency(handle, [request.prompt]))
            continue
        edit = rome(handle, request, pair.layer, CONFIG, supplies)
        with overlay(handle, [edit]):
            after, bits = perplexity(handle, text), fluency(handle, [request.prompt])
        assert pair.metrics["drift"] == pytest.approx(after / before, rel=1e-3)
        assert pair.metrics["fluency"] == pytest.approx(bits, abs=0.05)
    assert len({pair.layer for pair in found}) == len(layers) + 1


def test_it_is_measured_only_when_asked_for() -> None:
    found = list(sweep(tiny_handle("llama"), REQUESTS, (1,), get_method("rome"), CONFIG, Supplies()))
    assert not any("drift" in pair.metrics or "fluency" in pair.metrics for pair in found)
