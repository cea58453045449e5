"""Blast radius: divergences agree with plain forward passes, and nothing moves where nothing is edited."""

import math

import pytest
import torch

from goldenlayers_core.editing import Edit, Factors, overlay
from goldenlayers_core.editing.delta import make_edit
from goldenlayers_core.errors import EditError
from goldenlayers_core.evaluation.fluency import neutral_text, perplexity
from goldenlayers_core.evaluation.panel import accumulated_norm, bundled_panel, compared, guard_curve, panel_states
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.models.readout import head_logits, last_states
from goldenlayers_core.models.tokens import encode_prompt
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results.edit.panel import panel_digest
from tests.tiny import INNER, ROWS, WIDTH, tiny_handle

PROMPTS = ("The capital of France is", "Who wrote", "The mountain Mont Blanc, in the Alps, is a")
REQUEST = EditRequest("case", "The capital of France is", "France", "Rome", "Paris")


def made(handle: ModelHandle, seed: int = 0, layer: int = 1, scale: float = 0.5, prefix: str = "") -> Edit:
    """An edit of random factors, and a text before the prompt where one is given."""
    random = torch.Generator().manual_seed(seed)
    left, right = torch.randn(WIDTH, 1, generator=random) * scale, torch.randn(INNER, 1, generator=random)
    return make_edit(handle, REQUEST, "made", [Factors(layer, left, right)], {"seed": seed}, prefix=prefix)


def next_log_p(handle: ModelHandle, prompt: str) -> torch.Tensor:
    """(V,) by a plain forward pass of one prompt."""
    with torch.no_grad():
        out = handle.model(input_ids=torch.tensor([encode_prompt(handle.tokenizer, prompt)])).logits[0, -1]
    return out.log_softmax(dim=0)  # type: ignore[no-any-return]


def test_the_bundled_panel_is_large_varied_and_written_once() -> None:
    panel = bundled_panel()
    assert len(panel) >= 200
    assert len({p.prompt for p in panel}) == len(panel)
    kinds = [p.kind for p in panel]
    assert len(set(kinds)) == 8
    assert min(map(kinds.count, set(kinds))) >= 25
    assert panel_digest(panel) != panel_digest(panel[1:])


@pytest.mark.parametrize("row", ROWS)
def test_last_states_give_the_models_own_logits(row: str) -> None:
    handle = tiny_handle(row, torch.float64)
    rows = [encode_prompt(handle.tokenizer, prompt) for prompt in PROMPTS]
    with handle.lock:
        logits = head_logits(handle, last_states(handle, rows))
    for prompt, found in zip(PROMPTS, logits, strict=True):
        assert torch.allclose(found.log_softmax(dim=0), next_log_p(handle, prompt), atol=1e-6)
    assert hooks_on(handle.model) == 0


def test_divergence_is_that_of_two_plain_passes() -> None:
    handle = tiny_handle("llama")
    edits = [made(handle), made(handle, 1, layer=2)]
    before, after = panel_states(handle, PROMPTS), panel_states(handle, PROMPTS, edits)
    divergence, tops_before, tops_after = compared(handle, before, after)
    for place, prompt in enumerate(PROMPTS):
        p = next_log_p(handle, prompt).double()
        with overlay(handle, edits):
            q = next_log_p(handle, prompt).double()
        assert divergence[place] == pytest.approx(float((p.exp() * (p - q)).sum()), rel=1e-3, abs=1e-6)
        assert divergence[place] > 1e-4
        assert tops_before[place][0][1] == pytest.approx(float(p.exp().max()), rel=1e-4)
        assert tops_after[place][0][1] == pytest.approx(float(q.exp().max()), rel=1e-4)


def test_without_edits_nothing_moves_and_a_prefix_does_move() -> None:
    handle = tiny_handle("llama")
    before = panel_states(handle, PROMPTS)
    assert compared(handle, before, panel_states(handle, PROMPTS))[0] == [0.0, 0.0, 0.0]
    only_text = make_edit(handle, REQUEST, "made", [], {}, prefix="Rome is the capital. ")
    assert min(compared(handle, before, panel_states(handle, PROMPTS, [only_text]))[0]) > 1e-5


def test_batches_report_and_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = tiny_handle("llama")
    whole = panel_states(handle, PROMPTS)
    monkeypatch.setattr("goldenlayers_core.evaluation.panel.TOKEN_BUDGET", 1)
    seen: list[int] = []
    assert torch.allclose(panel_states(handle, PROMPTS, between=seen.append), whole, atol=1e-5)
    assert seen == [1, 2, 3]

    def stop(_done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        panel_states(handle, PROMPTS, [made(handle)], stop)
    assert hooks_on(handle.model) == 0


def test_the_curve_piles_edits_up(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = tiny_handle("llama")
    monkeypatch.setattr("goldenlayers_core.evaluation.panel.neutral_text", lambda: neutral_text()[:120])
    edits = [made(handle, seed, scale=0.3) for seed in range(3)]
    before = panel_states(handle, PROMPTS)
    curve = guard_curve(handle, edits, (0, 1, 3), PROMPTS, {0: before})
    assert [point.size for point in curve] == [0, 1, 3]
    assert (curve[0].norm, curve[0].divergence, curve[0].changed) == (0.0, 0.0, 0.0)
    assert curve[1].norm == pytest.approx(edits[0].weight_change, rel=1e-5)
    assert curve[2].divergence > curve[1].divergence > 0
    with overlay(handle, edits):
        assert curve[2].perplexity == pytest.approx(perplexity(handle, neutral_text()[:120]), rel=1e-6)
    assert all(math.isfinite(point.perplexity) for point in curve)


def test_the_summed_norm_is_that_of_the_summed_matrices() -> None:
    handle = tiny_handle("gpt2")
    one, two, other = made(handle, 0), made(handle, 1), made(handle, 2, layer=0)
    summed = sum(e.factors[0].left @ e.factors[0].right.T for e in (one, two))
    own = other.factors[0].left @ other.factors[0].right.T
    weights = [handle.matrix(handle.mlp_out(layer)) for layer in (0, 1)]
    expected = (summed.norm() ** 2 + own.norm() ** 2) / (weights[0].norm() ** 2 + weights[1].norm() ** 2)  # type: ignore[union-attr]
    assert accumulated_norm(handle, [one, two, other], (0, 1)) == pytest.approx(float(expected) ** 0.5, rel=1e-5)
    opposite = make_edit(
        handle, REQUEST, "made", [Factors(1, -one.factors[0].left, one.factors[0].right)], {"opposite": 1}
    )
    assert accumulated_norm(handle, [one, opposite], (1,)) == pytest.approx(0.0, abs=1e-6)


def test_an_edit_of_another_model_is_refused() -> None:
    handle, stranger = tiny_handle("llama"), tiny_handle("llama", seed=1)
    with pytest.raises(EditError, match="load the model it belongs to"):
        panel_states(handle, PROMPTS, [made(stranger)])
    with pytest.raises(EditError, match="load the model it belongs to"):
        guard_curve(handle, [made(stranger)], (0,), PROMPTS, {0: torch.zeros(3, WIDTH)})
