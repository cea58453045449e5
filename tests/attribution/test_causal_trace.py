"""Causal tracing equals one whole forward pass per token, layer and noise sample, whatever the batching."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from goldenlayers_core.attribution.causal_trace import token_trace, trace_requests
from goldenlayers_core.attribution.trace_prompts import noise_level, noise_of, prepare, resolve, traceable, window_of
from goldenlayers_core.attribution.trace_runs import batches, restores
from goldenlayers_core.errors import ConfigError, RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.models.tokens import subject_span
from goldenlayers_core.records import TRACE_KINDS, EditRequest, TraceConfig
from tests.attribution.test_lga import KeepDouble
from tests.tiny import ROWS, tiny_handle


def request(prompt: str, subject: str, true: str = "Paris", case: str = "1") -> EditRequest:
    return EditRequest(case, prompt, subject, "Rome", true)


REQUESTS = [
    request("The capital of France is", "France"),
    request("Mont Blanc, in the Alps, is a mountain that rises in", "Mont Blanc", "Europe", "starts"),
    request("Who wrote Hamlet", "Hamlet", "Shakespeare", "ends"),
]
NOISY = TraceConfig(noise=0.7, n_samples=2)


def hooked(module: nn.Module, change: Callable):
    """A plain forward hook that changes a module's output, whether tensor or tuple."""

    def hook(_module, _args, output):
        return (change(output[0]), *output[1:]) if isinstance(output, tuple) else change(output)

    return module.register_forward_hook(hook)


def states(handle: ModelHandle, kind: str) -> list[nn.Module]:
    row = handle.architecture
    if kind == "hidden":
        return list(handle.blocks)
    paths = {"mlp": (row.mlp_whole or row.mlp_out,), "attention": (row.attention[-1], *row.other_mixer[-1:])}[kind]
    return [module for block in handle.blocks for name, module in block.named_modules() if name in paths]


def straightforward(
    handle: ModelHandle, asked: EditRequest, config: TraceConfig, layers: Sequence[int] | None = None
) -> tuple[float, float, np.ndarray]:
    """(p clean, p corrupted, (T, L) effects) by one whole forward pass per token, layer and sample."""
    prompt = prepare(handle, asked, config.answer)
    ids, modules = torch.tensor([prompt.ids]), states(handle, config.kind)
    clean: list[torch.Tensor] = []
    removers = [hooked(m, lambda out: clean.append(out.detach().clone()) or out) for m in modules]
    logits = handle.model(input_ids=ids, use_cache=False).logits[0, -1]
    for remover in removers:
        remover.remove()
    answer = int(logits.argmax()) if prompt.answer is None else prompt.answer
    noise = torch.from_numpy(noise_of(prompt, config, handle.embedding.weight.shape[1]))
    span = slice(prompt.first, prompt.last + 1)

    def run(sample: int, token: int = -1, window: Sequence[int] = ()) -> float:
        def corrupt(out: torch.Tensor) -> torch.Tensor:
            changed = out.clone()
            changed[0, span] += config.noise * noise[sample].to(out.dtype)
            return changed

        def restore(layer: int) -> Callable:
            def change(out: torch.Tensor) -> torch.Tensor:
                changed = out.clone()
                changed.view(-1, out.shape[-1])[token] = clean[layer].reshape(-1, out.shape[-1])[token]
                return changed

            return change

        with ExitStack() as stack:
            stack.callback(hooked(handle.embedding, corrupt).remove)
            for layer in window:
                stack.callback(hooked(modules[layer], restore(layer)).remove)
            return float(handle.model(input_ids=ids, use_cache=False).logits[0, -1].double().softmax(0)[answer])

    samples, depth = range(config.n_samples), handle.n_layers
    corrupted = np.mean([run(s) for s in samples])
    effects = np.array(
        [
            [
                np.mean([run(s, token, range(*window_of(layer, config.window, depth))) for s in samples]) - corrupted
                for layer in (range(depth) if layers is None else layers)
            ]
            for token in range(len(prompt.ids))
        ]
    )
    return float(logits.double().softmax(0)[answer]), float(corrupted), effects


def traced(handle: ModelHandle, asked: Sequence[EditRequest], config: TraceConfig, progress=None) -> list:
    """In the order asked."""
    return sorted(trace_requests(handle, asked, config, progress), key=lambda t: t.index)


@torch.inference_mode()
def check(handle: ModelHandle, asked: Sequence[EditRequest], config: TraceConfig, rtol: float, atol: float) -> None:
    full = resolve(handle, config, asked)
    for one, found in zip(asked, traced(handle, asked, full), strict=True):
        p_clean, p_corrupt, effects = straightforward(handle, one, full)
        np.testing.assert_allclose([found.p_clean, found.p_corrupt], [p_clean, p_corrupt], rtol=rtol)
        np.testing.assert_allclose(found.effects, effects, rtol=rtol, atol=atol)
        assert np.abs(effects).max() > 100 * atol


@pytest.mark.parametrize("kind", TRACE_KINDS)
@pytest.mark.parametrize("row", ROWS)
def test_equals_one_pass_per_token_layer_and_sample_in_float64(row, kind):
    handle = tiny_handle(row, torch.float64)
    with KeepDouble():
        # xglm: other default numbers (tests/conftest.py), so that what is kept in float32 is rounded elsewhere
        check(handle, REQUESTS, replace(NOISY, kind=kind), *((1e-4, 1e-8) if row == "xglm" else (1e-6, 1e-12)))


@pytest.mark.parametrize("window", [1, 2, 3, 9])
@pytest.mark.parametrize("kind", TRACE_KINDS)
def test_windows_are_cut_off_at_the_ends(kind, window):
    with KeepDouble():
        check(tiny_handle("llama", torch.float64), REQUESTS[:1], replace(NOISY, kind=kind, window=window), 1e-6, 1e-12)


@pytest.mark.parametrize("row", ["mistral", "gemma3", "bloom"])
def test_prompts_beyond_a_sliding_window_and_without_a_mask_of_ours_are_exact(row):
    long = request("The capital of France is Paris and of Italy " * 5 + "the capital is", "France")
    handle = tiny_handle(row, torch.float64)
    assert len(prepare(handle, long, "model").ids) > 64  # the tiny models' window
    with KeepDouble():
        found = traced(handle, [long, REQUESTS[0]], replace(NOISY, positions="subject", window=2, n_samples=1))[0]
        full = replace(NOISY, window=2, n_samples=1)
        _, _, effects = straightforward(handle, long, full)
    last = found.subject[1]
    np.testing.assert_allclose(found.effects[last], effects[last], rtol=1e-6, atol=1e-12)
    assert np.isnan(np.delete(found.effects, last, axis=0)).all()


@pytest.mark.parametrize("budget", [1, 7, 60, 10_000])
@pytest.mark.parametrize("row", ["llama", "bloom", "gpt2"])
def test_results_depend_neither_on_the_budget_nor_on_what_else_is_traced(row, budget):
    handle = tiny_handle(row, torch.float64)
    full = replace(NOISY, window=2, token_budget=budget)
    with KeepDouble():
        together = traced(handle, REQUESTS, full)
        alone = [traced(handle, [one], replace(full, token_budget=None))[0] for one in REQUESTS]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.effects, other.effects, rtol=1e-9, atol=1e-14)


def test_the_same_seed_gives_the_same_numbers_and_another_does_not():
    handle = tiny_handle("llama")
    first, again = (traced(handle, REQUESTS, NOISY) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.effects, other.effects)
    other = traced(handle, REQUESTS, replace(NOISY, seed=1))
    assert all(one.p_corrupt != two.p_corrupt for one, two in zip(first, other, strict=True))


def test_noise_depends_on_seed_prompt_and_sample_alone():
    handle = tiny_handle("llama")
    prompt = prepare(handle, REQUESTS[0], "model")
    drawn = noise_of(prompt, NOISY, 8)
    assert drawn.shape == (2, prompt.last - prompt.first + 1, 8)
    assert not np.array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(noise_of(prompt, replace(NOISY, n_samples=5), 8)[:2], drawn)
    np.testing.assert_array_equal(noise_of(prepare(handle, REQUESTS[0], "dataset", 4), NOISY, 8), drawn)
    other = replace(REQUESTS[0], prompt="A capital of France is")
    assert not np.array_equal(noise_of(prepare(handle, other, "model"), NOISY, 8)[0], drawn[0])


def test_nothing_comes_back_before_the_subject_and_everything_at_the_very_top():
    handle = tiny_handle("llama")
    config = resolve(handle, replace(NOISY, kind="hidden"), REQUESTS[:1])
    (traced,) = trace_requests(handle, REQUESTS[:1], config)
    found = token_trace(handle.name, REQUESTS[0], config, traced)
    assert not found.effects[: found.subject[0]].any()
    assert found.effects[-1, -1] == pytest.approx(found.p_clean - found.p_corrupt)
    assert not found.effects[:-1, -1].any()
    assert found.window == 1
    assert "".join(found.tokens) == REQUESTS[0].prompt


def test_the_answer_is_the_models_own_or_the_datasets():
    handle = tiny_handle("llama")
    own, dataset = (traced(handle, REQUESTS[:1], replace(NOISY, answer=a))[0] for a in ("model", "dataset"))
    assert dataset.answer == "Paris"
    assert own.p_clean > dataset.p_clean  # the model's own answer is its likeliest token
    without = request("The capital of France is", "France", "", "no truth")
    missing = request("The capital of France is", "Spain", "Madrid", "no subject")
    found = traceable(handle, [without, missing, REQUESTS[0]], "dataset")
    assert [r.case_id for r in found.requests] == ["1"]
    assert [case for case, _ in found.skipped] == ["no truth", "no subject"]
    assert "model's own answer" in found.skipped[0][1]
    endless = request("word " * 200 + "France", "France")
    assert "at most 128" in traceable(handle, [endless], "model").skipped[0][1]
    with pytest.raises(RequestError, match="not in the prompt"):
        list(trace_requests(handle, [missing], NOISY))


def test_the_noise_level_is_three_standard_deviations_of_the_subjects_embeddings():
    handle = tiny_handle("llama")
    tokens = []
    for one in REQUESTS:
        first, last = subject_span(handle.tokenizer, one.prompt, one.subject)
        tokens += handle.tokenizer(one.prompt)["input_ids"][first : last + 1]
    wanted = 3 * float(handle.embedding.weight[tokens].double().std())
    assert noise_level(handle, REQUESTS) == pytest.approx(wanted, rel=1e-5)
    with pytest.raises(RequestError, match="give one"):
        noise_level(handle, [request("No name here", "France")])


def test_the_subjects_span_is_found_with_and_without_offsets():
    class Slow:
        """The same tokenizer without character offsets."""

        is_fast = False

        def __init__(self, fast):
            self.fast = fast

        def __call__(self, text, **settings):
            return self.fast(text, **settings)

    fast = tiny_handle("llama").tokenizer
    for one in REQUESTS:
        first, last = subject_span(fast, one.prompt, one.subject)
        words = fast.decode(fast(one.prompt)["input_ids"][first : last + 1])
        assert words.strip(" ,") == one.subject
        assert subject_span(Slow(fast), one.prompt, one.subject)[1] == last


def test_windows_follow_romes_rule():
    assert [window_of(layer, 10, 48) for layer in (0, 5, 20, 47)] == [(0, 5), (0, 10), (15, 25), (42, 48)]
    assert [window_of(layer, 3, 5) for layer in range(5)] == [(0, 2), (0, 3), (1, 4), (2, 5), (3, 5)]
    handle = tiny_handle("llama")
    assert resolve(handle, TraceConfig(noise=1.0), []).window == 1  # 10 of 48 layers, of 3
    assert resolve(handle, TraceConfig(noise=1.0, window=99), []).window == 3


def test_every_batch_keeps_to_the_budget_and_nothing_is_lost():
    handle = tiny_handle("llama")
    config = replace(NOISY, window=2)
    prompts = [prepare(handle, one, "model", i) for i, one in enumerate(REQUESTS)]
    for rows in restores(prompts, config, handle.n_layers).values():
        for mixing in (True, False):
            found = list(batches(rows, 2, 30, mixing))
            assert sorted(map(repr, rows)) == sorted(repr(r) for batch in found for r in batch)
            assert all(len(b) == 1 or sum(2 * r.n_tokens for r in b) <= 30 for b in found)
            assert mixing or all(len({(r.length, r.position) for r in b}) == 1 for b in found)


def test_a_cancel_leaves_no_hook_and_frees_the_lock():
    handle = tiny_handle("gpt2")
    hooks, done = hooks_on(handle.model), []

    def stop(finished: int, _total: int, _note: str) -> None:
        done.append(finished)
        if len(done) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        traced(handle, REQUESTS, replace(NOISY, token_budget=1), stop)
    assert hooks_on(handle.model) == hooks
    assert handle.lock.acquire(blocking=False)
    handle.lock.release()


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "head"},
        {"window": 0},
        {"noise": 0.0},
        {"noise": float("nan")},
        {"n_samples": 0},
        {"seed": -1},
        {"answer": "mine"},
        {"positions": "some"},
        {"token_budget": 0},
    ],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ConfigError):
        TraceConfig(**settings)


@pytest.mark.slow
def test_equals_the_straightforward_loop_on_the_bundled_model(bundled):
    """At some layers and tokens; float32 rounding is the limit."""
    chosen = [request("The capital of France is", "France"), request("Berlin is the capital of", "Berlin")]
    full = replace(resolve(bundled, TraceConfig(n_samples=2), chosen), kind="mlp")
    for one, found in zip(chosen, traced(bundled, chosen, full), strict=True):
        with torch.inference_mode():
            _, p_corrupt, effects = straightforward(bundled, one, full, layers=(0, 4, 17, 29))
        assert found.p_corrupt == pytest.approx(p_corrupt, rel=1e-3)
        np.testing.assert_allclose(found.effects[:, (0, 4, 17, 29)], effects, atol=2e-4)
        assert found.p_clean > 0.3 > found.p_corrupt
        assert found.effects.max() > 0.1
