"""Key covariances: the sums are the keys', whatever writes the tokens; what is derived from them is right."""

from dataclasses import replace

import pytest
import torch

from goldenlayers_core.editing import KeyMoments, estimate
from goldenlayers_core.editing.alphaedit import AlphaEditConfig
from goldenlayers_core.editing.alphaedit import rule as alphaedit_rule
from goldenlayers_core.editing.emmet import EmmetConfig
from goldenlayers_core.editing.emmet import rule as emmet_rule
from goldenlayers_core.editing.estimate import SampleConfig, moments_of_samples, moments_of_text
from goldenlayers_core.editing.least_squares import directions
from goldenlayers_core.editing.memit import MemitConfig
from goldenlayers_core.editing.memit import rule as memit_rule
from goldenlayers_core.errors import Cancelled, EditError
from goldenlayers_core.models.hooks import hooks_on, record_inputs
from goldenlayers_core.models.hybrids import HYBRIDS
from goldenlayers_core.models.kept import grow, running_cache
from tests.tiny import ROWS, tiny_handle

TEXT = "The capital of France is Paris and the capital of Italy is Rome. Who wrote Hamlet? Shakespeare wrote it. " * 8


def made(width: int = 40, rank: int = 40, scale: float = 1.0, shrinkage: float = 0.01) -> KeyMoments:
    generator = torch.Generator().manual_seed(0)
    keys = torch.randn(400, rank, generator=generator, dtype=torch.float64) @ torch.randn(
        rank, width, generator=generator, dtype=torch.float64
    )
    return KeyMoments(0, (scale**2 * keys.T @ keys / 400).float(), 400, "random keys", shrinkage)


@pytest.mark.parametrize("row", ROWS)
def test_a_text_gives_the_mean_of_k_k(row: str) -> None:
    handle = tiny_handle(row)
    found = moments_of_text(handle, range(3), TEXT, "a test", 400, length=50)
    ids = handle.tokenizer(TEXT, add_special_tokens=False)["input_ids"][:400]
    for layer in range(3):
        width = handle.matrix(handle.mlp_out(layer)).shape[1]  # a dense layer's is not that of one with experts
        total = torch.zeros(width, width, dtype=torch.float64)
        for start in range(0, 400, 50):
            with record_inputs({"key": handle.mlp_out(layer)}) as seen, torch.no_grad():
                handle.model(input_ids=torch.tensor([ids[start : start + 50]]))
            keys = seen["key"].reshape(-1, width).double()
            total += keys.T @ keys
        torch.testing.assert_close(found[layer].second.double(), total / 400, rtol=1e-4, atol=1e-5)
        assert found[layer].n_tokens == 400
    assert hooks_on(handle.model) == 0


@pytest.mark.parametrize("row", [*ROWS, *(row.model_type for row in HYBRIDS)])
def test_rows_that_grow_together_have_the_keys_of_whole_rows(row: str) -> None:
    handle, cache = tiny_handle(row, torch.float64), running_cache(tiny_handle(row, torch.float64))
    ids = torch.randint(3, 300, (4, 9), generator=torch.Generator().manual_seed(0))
    sites = {f"{layer}": handle.mlp_out(layer) for layer in range(handle.n_layers)}

    def keys(tokens: torch.Tensor, at: int | None) -> list[torch.Tensor]:
        with record_inputs(sites) as seen, torch.no_grad():
            _ = handle.model(input_ids=tokens, use_cache=False) if at is None else grow(handle, tokens, cache, at)
        return [seen[name].reshape(*tokens.shape, -1) for name in sites]  # L x (4, T, d_in)

    whole = keys(ids, None)
    parts = [keys(ids[:, :2], 0), *(keys(ids[:, at : at + 1], at) for at in range(2, 9))]
    for layer, wanted in enumerate(whole):
        found = torch.cat([part[layer] for part in parts], dim=1)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)  # states are kept in float32


def test_keys_that_are_too_wide_are_refused_before_anything_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "MOST_WIDE", 47)
    with pytest.raises(EditError, match=r"48 numbers each, .* without covariance"):
        moments_of_samples(tiny_handle("llama"), [0], SampleConfig(n_tokens=64, length=8))


@pytest.mark.parametrize("row", ["llama", "gpt2", "gemma2", "opt", "bloom"])
def test_samples_are_the_models_own_and_seeded(row: str) -> None:
    handle = tiny_handle(row)
    config = SampleConfig(n_tokens=640, length=16)
    one, two = (moments_of_samples(handle, [0, 2], config) for _ in range(2))
    other = moments_of_samples(handle, [2], replace(config, seed=1))
    assert one[0].n_tokens == 640
    assert torch.equal(one[2].second, two[2].second)
    assert one[2].origin == two[2].origin != other[2].origin
    # another seed: other texts of the same kind
    assert 0 < float((one[2].second - other[2].second).norm()) < 0.5 * float(one[2].second.norm())


def test_too_little_text_and_cancelling() -> None:
    handle = tiny_handle("llama")
    with pytest.raises(EditError, match=r"has [0-9]+ tokens; give one of at least 128"):
        moments_of_text(handle, [0], TEXT[:8], "a test", 400)

    def cancel(done: int, total: int, _note: str) -> None:
        assert 0 < done <= total
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        moments_of_samples(handle, [0], SampleConfig(n_tokens=64, length=8), cancel)
    with pytest.raises(EditError, match="has layers 0 to 2"):
        moments_of_samples(handle, [3], SampleConfig(n_tokens=64, length=8))
    with torch.no_grad():
        handle.mlp_out(0).weight[0, 0] = torch.inf  # type: ignore[operator]
    with pytest.raises(EditError, match="not finite"):
        moments_of_samples(handle, [1], SampleConfig(n_tokens=64, length=8))
    assert hooks_on(handle.model) == 0


def test_whitening_and_the_condition_number() -> None:
    moments = made()
    c = moments.shrunk
    keys = torch.randn(5, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(moments.whitened(keys), torch.linalg.solve(c, keys.T).T, rtol=1e-8, atol=1e-10)
    values = torch.linalg.eigvalsh(c)
    assert moments.condition == pytest.approx(float(values[-1] / values[0]), rel=0.05)
    assert made(shrinkage=0.5).condition < moments.condition
    with pytest.raises(EditError, match="cannot be inverted; estimate it from more tokens"):
        _ = made(rank=3, shrinkage=0.0).factor


@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e2])
def test_settings_mean_the_same_whatever_the_scale(scale: float) -> None:
    """A model whose activations are 100 times as large is edited alike: the product right^T k does not change."""
    keys = torch.randn(3, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    for rule in (memit_rule(MemitConfig()), alphaedit_rule(AlphaEditConfig()), emmet_rule(EmmetConfig(ridge=0.1))):
        plain = directions(rule, keys, made(), None, 0, False) @ keys.T
        scaled = directions(rule, scale * keys, made(scale=scale), None, 0, False) @ (scale * keys).T
        torch.testing.assert_close(scaled, plain, rtol=1e-4, atol=1e-6)
    rule = memit_rule(MemitConfig())
    plain = directions(rule, keys, None, None, 0, False) @ keys.T
    torch.testing.assert_close(directions(rule, scale * keys, None, None, 0, False) @ (scale * keys).T, plain)


def test_a_usual_key_is_written_half_at_preservation_one() -> None:
    moments = made()
    key = torch.randn(1, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    key *= (40 / (key @ moments.whitened(key).T)).sqrt()  # k C^-1 k = d_in
    right = directions(memit_rule(MemitConfig(preservation=1.0)), key, moments, None, 0, False)
    assert float(right @ key.T) == pytest.approx(0.5)
    # the number of tokens C was estimated from does not matter: C is a mean
    again = directions(memit_rule(MemitConfig(preservation=1.0)), key, replace(moments, n_tokens=10**9), None, 0, False)
    torch.testing.assert_close(again, right)


def test_memits_form_by_the_push_through_identity() -> None:
    moments, keys = made(), torch.randn(4, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    before = torch.randn(6, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    both = torch.cat([keys, before])
    c = 0.3 * 40 * moments.shrunk
    wanted = torch.linalg.solve(c + both.T @ both, keys.T).T  # (lambda C + K_p K_p^T + K K^T)^-1 K
    right = directions(memit_rule(MemitConfig(preservation=0.3)), keys, moments, before, 0, False)
    torch.testing.assert_close(right, wanted, rtol=1e-7, atol=1e-9)


def test_alphaedit_is_its_equation_and_leaves_usual_keys_alone() -> None:
    moments = made(width=40, rank=12)  # 28 directions that no usual key uses
    rule = alphaedit_rule(AlphaEditConfig(null_threshold=0.02, ridge=0.2))
    keys = torch.randn(3, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    before = torch.randn(5, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(8))
    right = directions(rule, keys, moments, before, 0, False)
    busy = moments.busy(0.02)
    assert busy.shape == (40, 12)
    p = torch.eye(40, dtype=torch.float64) - busy @ busy.T
    ridge = 0.2 * float((keys @ p * keys).sum(dim=1).mean())
    system = p @ (keys.T @ keys + before.T @ before) + ridge * torch.eye(40, dtype=torch.float64)
    torch.testing.assert_close(right, torch.linalg.solve(system, p @ keys.T).T, rtol=1e-7, atol=1e-9)
    usual = torch.randn(50, 12, dtype=torch.float64) @ busy.T  # any mixture of usual directions
    assert (usual @ right.T).abs().max() < 1e-9
    assert (keys @ right.T).diagonal().min() > 0.3
    free = directions(rule, keys, moments, None, 0, False)
    assert (before @ right.T).abs().mean() < 0.5 * (before @ free.T).abs().mean()


def test_a_fact_that_cannot_be_told_apart_is_a_row_of_nan_when_alone() -> None:
    moments = made(width=40, rank=12)
    rule = alphaedit_rule(AlphaEditConfig(null_threshold=0.02))
    inside = moments.busy(0.02)[:, :1].T
    keys = torch.cat([inside, torch.randn(1, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(9))])
    right = directions(rule, 0 * keys + torch.stack([0 * keys[0], keys[1]]), moments, None, 0, True)
    assert right[0].isnan().all()
    assert right[1].isfinite().all()
    with pytest.raises(EditError, match="not told apart"):
        directions(rule, 0 * keys[:1], moments, None, 3, False)
