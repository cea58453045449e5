"""LGA equals per-sample autograd, on every architecture row and scope, whatever the batching."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.overrides import TorchFunctionMode

from goldenlayers_core.attribution.lga import iter_lga
from goldenlayers_core.attribution.requests import prepare, usable
from goldenlayers_core.errors import ConfigError, RequestError
from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.records import SCOPES, EditRequest, LgaConfig
from tests.tiny import ROWS, parameter_of, tiny_handle


def request(prompt: str, old: str, new: str, case: str = "1") -> EditRequest:
    return EditRequest(case, prompt, prompt.split()[-1], new, old)


REQUESTS = [
    request("The capital of France is", "Paris", "Rome", "one"),
    request("The language spoken in Brazil is", "Portuguese", "Japanese and also Italian", "long answers"),
    request("Who wrote Hamlet?", "Shakespeare", "P", "one long, one short"),
    request("X", "Y", "Z", "single letters"),
]


class KeepDouble(TorchFunctionMode):
    """Casts to float32 inside a model's own code (norms, softmax, rotary angles) become casts to float64."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        swap = {torch.float32: torch.float64}
        args = tuple(swap.get(a, a) if isinstance(a, torch.dtype) else a for a in args)
        kwargs = {k: swap.get(v, v) if isinstance(v, torch.dtype) else v for k, v in kwargs.items()}
        if func is torch.Tensor.float:
            return args[0].double()
        return func(*args, **kwargs)


def autograd(handle: ModelHandle, pairs: Sequence, scope: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(Q, L) inner products and norms from full weight gradients, one request and one answer at a time."""
    sites = handle.sites(scope)
    weights = [parameter_of(m) for m in sites.values()]
    sums = np.zeros((3, len(pairs), handle.n_layers))
    for q, pair in enumerate(pairs):
        gradients = []
        for answer in (pair.old, pair.new):
            for weight in weights:
                weight.requires_grad_(True)
            logits = handle.model(input_ids=torch.tensor([pair.prompt + answer]), use_cache=False).logits
            loss = cross_entropy(logits[0, len(pair.prompt) - 1 : -1], torch.tensor(answer))
            gradients.append(torch.autograd.grad(loss, weights))
            for weight in weights:
                weight.requires_grad_(False)
        for site, old, new in zip(sites, *gradients, strict=True):
            layer = int(site.split("/")[0])
            for i, (a, b) in enumerate(((old, new), (old, old), (new, new))):
                sums[i, q, layer] += float((a.double() * b.double()).sum())
    return sums[0], np.sqrt(sums[1]), np.sqrt(sums[2])


def ours(handle: ModelHandle, requests: Sequence[EditRequest], config: LgaConfig) -> np.ndarray:
    """(3, Q, L) values and norms."""
    found = np.full((3, len(requests), handle.n_layers), np.nan)
    for batch in iter_lga(handle, requests, [r.target_true for r in requests], config):
        found[:, list(batch.indices)] = (batch.values, batch.norm_old, batch.norm_new)
    return found


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("row", ROWS)
def test_equals_per_sample_autograd_in_float64(row, scope):
    handle = tiny_handle(row, torch.float64)
    with KeepDouble():
        values, norm_old, norm_new = autograd(
            handle, prepare(handle, REQUESTS, [r.target_true for r in REQUESTS]), scope
        )
        found = ours(handle, REQUESTS, LgaConfig(scope=scope, loss_on="answer"))
    assert np.abs(values).min() > 0
    np.testing.assert_allclose(found[0], values, rtol=1e-8, atol=1e-12 * np.abs(values).max())
    np.testing.assert_allclose(found[1], norm_old, rtol=1e-8)
    np.testing.assert_allclose(found[2], norm_new, rtol=1e-8)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("row", ROWS)
def test_equals_per_sample_autograd_in_float32(row, scope):
    handle = tiny_handle(row)
    values, norm_old, norm_new = autograd(handle, prepare(handle, REQUESTS, [r.target_true for r in REQUESTS]), scope)
    found = ours(handle, REQUESTS, LgaConfig(scope=scope, loss_on="answer"))
    scale = np.abs(values).max(axis=1, keepdims=True)  # per request: its largest layer score
    assert (np.abs(found[0] - values) / scale).max() < 1e-4
    np.testing.assert_allclose(found[1], norm_old, rtol=1e-4)
    np.testing.assert_allclose(found[2], norm_new, rtol=1e-4)


@pytest.mark.parametrize("row", ROWS)
def test_batch_size_order_and_padding_change_nothing(row):
    handle = tiny_handle(row, torch.float64)
    with KeepDouble():
        whole = ours(handle, REQUESTS, LgaConfig(token_budget=4096))
        alone = ours(handle, REQUESTS, LgaConfig(token_budget=1))
        turned = ours(handle, REQUESTS[::-1], LgaConfig(token_budget=4096))
    np.testing.assert_allclose(alone, whole, rtol=1e-8)
    np.testing.assert_allclose(turned[:, ::-1], whole, rtol=1e-8)


def test_long_rows_beyond_a_sliding_window_are_exact():
    handle = tiny_handle("mistral", torch.float64)  # its window is 64
    long = request("The capital of France is Paris and Rome " * 6, "Paris Rome Paris", "Rome Paris Rome")
    with KeepDouble():
        values, _, _ = autograd(handle, prepare(handle, [long], [long.target_true]), "mlp")
        found = ours(handle, [long], LgaConfig(loss_on="answer"))
    np.testing.assert_allclose(found[0], values, rtol=1e-8)


def test_the_model_is_left_as_it_was():
    handle = tiny_handle("llama")
    before, hooks = weights_digest(handle.model), hooks_on(handle.model)
    for _batch in iter_lga(handle, REQUESTS, [r.target_true for r in REQUESTS], LgaConfig(precision="bfloat16")):
        break  # an abandoned run cleans up too
    assert weights_digest(handle.model) == before
    assert hooks_on(handle.model) == hooks
    assert all(p.grad is None and not p.requires_grad for p in handle.model.parameters())


def test_a_failure_in_the_middle_leaves_no_hook(monkeypatch):
    handle = tiny_handle("gpt2")
    hooks = hooks_on(handle.model)
    monkeypatch.setattr(type(handle.blocks[1]), "forward", lambda *_a, **_k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ours(handle, REQUESTS, LgaConfig())
    assert hooks_on(handle.model) == hooks
    assert handle.lock.acquire(blocking=False)
    handle.lock.release()


def test_bfloat16_is_near_and_leaves_float32_weights():
    handle = tiny_handle("llama")
    exact, low = (ours(handle, REQUESTS, LgaConfig(precision=p)) for p in ("model", "bfloat16"))
    assert handle.dtype == torch.float32
    assert not np.array_equal(exact, low)
    assert np.abs(low[1] / exact[1] - 1).max() < 0.2  # norms


def test_equals_per_sample_autograd_on_the_bundled_model(bundled):
    chosen = [
        request("The capital of France is", "Paris", "Rome"),
        request("The currency of Japan is the", "yen", "peso"),
        request("Hamlet was written by", "William Shakespeare", "Johann Wolfgang von Goethe"),
    ]
    pairs = prepare(bundled, chosen, [r.target_true for r in chosen])
    values, norm_old, norm_new = autograd(bundled, pairs, "mlp")
    found = ours(bundled, chosen, LgaConfig(loss_on="answer"))
    np.testing.assert_allclose(found[1], norm_old, rtol=1e-4)
    np.testing.assert_allclose(found[2], norm_new, rtol=1e-4)
    assert (np.abs(found[0] - values) / (norm_old * norm_new)).max() < 1e-4  # relative to what it could be at most
    np.testing.assert_allclose(found[0].sum(axis=0), values.sum(axis=0), rtol=1e-3, atol=1e-4 * np.abs(values).max())


def test_memory_does_not_grow_with_the_number_of_requests(bundled):
    """The largest batch is bounded by the token budget, so what autograd keeps is too."""
    kept = []
    for count in (8, 64):
        requests = [request(f"The number {i} is followed by the number", "seven", "nine", str(i)) for i in range(count)]
        sizes: list[int] = []

        def pack(tensor, sizes=sizes):
            sizes[-1] += tensor.numel() * tensor.element_size()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            sizes.append(0)
            for _batch in iter_lga(bundled, requests, ["seven"] * count, LgaConfig(token_budget=80)):
                sizes.append(0)
        kept.append(max(sizes))
    assert 0 < kept[1] <= 1.3 * kept[0]


def test_old_answers_of_the_model_and_reasons_for_skipping(bundled):
    without = request("The capital of Germany is", "", "Rome", "no truth")
    found = usable(bundled, [without, REQUESTS[0]], "dataset")
    assert [r.case_id for r in found.requests] == ["one"]
    assert found.skipped[0][0] == "no truth"
    assert "model's own answer" in found.skipped[0][1]
    asked = usable(bundled, [without, REQUESTS[0]], "model")
    assert asked.old_answers == ("Berlin", "Paris")
    assert not asked.skipped
    endless = request("word " * 9000, "Paris", "Rome", "endless")
    assert "at most 8192" in usable(bundled, [endless], "dataset").skipped[0][1]


def test_an_empty_target_is_refused_with_a_sentence():
    handle = tiny_handle("llama")
    with pytest.raises(RequestError, match="is empty"):
        list(iter_lga(handle, [request("The capital of France is", "Paris", " ")], ["Paris"], LgaConfig()))


@pytest.mark.parametrize(
    "settings", [{"scope": "head"}, {"old_answer": "mine"}, {"precision": "int4"}, {"token_budget": 0}]
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ConfigError):
        LgaConfig(**settings)


@pytest.mark.gpu
def test_cuda_equals_cpu():
    cpu, gpu = load_model("bundled", device="cpu"), load_model("bundled", device="cuda", dtype="float32")
    chosen = REQUESTS[:3]
    here, there = (ours(h, chosen, LgaConfig()) for h in (cpu, gpu))
    assert (np.abs(here[0] - there[0]) / (here[1] * here[2])).max() < 1e-3
