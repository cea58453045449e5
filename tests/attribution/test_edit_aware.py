"""The edit-aware analysis equals per-sample autograd on every row, and predicts what a small edit does."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from goldenlayers_core.attribution.edit_aware import _losses, iter_edit_aware
from goldenlayers_core.attribution.effects import Effects
from goldenlayers_core.attribution.probe_rows import ProbeRow, build, probe_rows
from goldenlayers_core.errors import Cancelled, ConfigError, RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import change_outputs, hooks_on, record_inputs
from goldenlayers_core.models.tokens import encode_prompt
from goldenlayers_core.records import EditAwareConfig, EditRequest, Probe
from tests.attribution.test_lga import KeepDouble
from tests.tiny import ROWS, add_to, tiny_handle

REQUESTS = (
    EditRequest(
        "one",
        "The capital of France is",
        "France",
        "Rome",
        "Paris",
        rephrases=(Probe("In France, the capital is", ("Rome",), "rephrase"), Probe("France has", (), "rephrase")),
        locality=(Probe("The capital of Italy is", ("Rome",), "locality"), Probe("Who wrote", (), "locality")),
        portability=(Probe("The river of the capital of France is", ("Tiber", "x"), "portability"),),
    ),
    EditRequest(
        "several tokens",
        "Who wrote Hamlet?",
        "Hamlet",
        "Portuguese and Japanese",
        "",
        locality=(Probe("The mountain Mont Blanc, in the Alps, is", (), "locality"),),
        portability=(Probe("Hamlet", (), "portability"),),
    ),
    EditRequest("bare", "Y X", "X", "Z", "Q"),
)
BUDGETS = (1, 24, 4096)


def gathered(handle: ModelHandle, requests: Sequence[EditRequest], **config: object) -> Effects:
    (found,) = iter_edit_aware(handle, requests, EditAwareConfig(**config))
    return found


def loss_of(handle: ModelHandle, row: ProbeRow) -> Tensor:
    """The loss of one probe by one plain forward pass; of a locality probe, how far the rival leads the likeliest."""
    logits = handle.model(input_ids=torch.tensor([row.ids]), use_cache=False).logits[0, -row.n_labels :]
    if row.kind != "locality":
        return cross_entropy(logits, torch.tensor(row.answer))
    own = row.answer[0] if row.answer else int(logits[0].argmax())
    assert own != row.rival
    return logits[0, row.rival] - logits[0, own]


def least(gradients: np.ndarray, falls: np.ndarray) -> np.ndarray:
    """The smallest delta (d,) with -gradients (m, d) delta >= falls (m,): its dual, by coordinate ascent."""
    gram, weights = gradients @ gradients.T, np.zeros(len(falls))
    for _ in range(20_000):
        for j in range(len(falls)):
            weights[j] = max(0.0, weights[j] + (falls[j] - gram[j] @ weights) / gram[j, j])
    return -weights @ gradients


def value_change(handle: ModelHandle, row: ProbeRow, layer: int) -> Tensor:
    """delta (d_out,) of one rewrite: every part of its answer by itself, by plain autograd; zero where none reaches."""
    module = handle.mlp_out(layer)
    shift = torch.zeros(handle.hidden_size, dtype=torch.float64, requires_grad=True)

    def add(_inputs: Tensor, output: Tensor) -> Tensor:
        at = torch.zeros(len(row.ids), 1, dtype=torch.float64)
        at[row.lookup] = 1
        return output + (at * shift).reshape(output.shape)

    with change_outputs({module: add}):
        logits = handle.model(input_ids=torch.tensor([row.ids]), use_cache=False).logits[0, -row.n_labels :]
    each = cross_entropy(logits, torch.tensor(row.answer), reduction="none")
    parts = [*each[:3], *([each[3:].sum()] if len(each) > 3 else [])]
    gradients = [torch.autograd.grad(part, shift, retain_graph=True)[0] for part in parts]
    if not all(g.any() for g in gradients):
        return torch.zeros_like(shift)
    falls = np.array([float(part.detach()) for part in parts])
    return torch.tensor(least(torch.stack(gradients).numpy(), falls))


def one_by_one(handle: ModelHandle, row: ProbeRow, layer: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Loss, inputs a (T, d_in), outputs (T, d_out) and output gradients g (T, d_out) of one probe at one layer."""
    module = handle.mlp_out(layer)
    shift = torch.zeros(len(row.ids), handle.hidden_size, dtype=torch.float64, requires_grad=True)
    outputs = []

    def add(_inputs: Tensor, output: Tensor) -> Tensor:
        outputs.append(output.detach().reshape(len(row.ids), -1))
        return output + shift.reshape(output.shape)

    with record_inputs({"a": module}) as inputs, change_outputs({module: add}):
        loss = loss_of(handle, row)
    (gradient,) = torch.autograd.grad(loss, shift)
    return loss.detach(), inputs["a"].reshape(len(row.ids), -1), outputs[0], gradient


def all_rows(handle: ModelHandle) -> list[ProbeRow]:
    """In the order of `Effects`: the rewrites first."""
    each = [probe_rows(handle, i, request, EditAwareConfig()) for i, request in enumerate(REQUESTS)]
    return [rows[0] for rows in each] + [row for rows in each for row in rows[1:]]


def by_hand(handle: ModelHandle) -> np.ndarray:
    """(R, L, 4) loss, need, change and reach of every probe, straight from the definitions."""
    rows = all_rows(handle)
    found = np.zeros((len(rows), handle.n_layers, 4))
    for layer in range(handle.n_layers):
        kept = {}
        for r, row in enumerate(rows):
            loss, a, out, g = one_by_one(handle, row, layer)
            if row.kind == "rewrite":
                s, delta = row.lookup, value_change(handle, row, layer)
                eta = delta.norm()
                kept[row.request] = a[s] / (a[s] @ a[s]), -delta / eta, eta, eta / out[s].norm()
            u, d, eta, need = kept[row.request]
            change, reach = eta * ((a @ u) * (g @ d)).sum(), eta * ((a @ u).abs() * g.norm(dim=1)).sum()
            found[r, layer] = [float(x) for x in (loss, need, change, reach)]
    return found


@pytest.mark.parametrize("row", ROWS)
def test_equals_per_sample_autograd_in_float64(row):
    handle = tiny_handle(row, torch.float64)
    with KeepDouble():
        expected = by_hand(handle)
        rows = all_rows(handle)
        for budget in BUDGETS:
            found = gathered(handle, REQUESTS, token_budget=budget)
            assert found.kinds == tuple(r.kind for r in rows)
            assert found.owners.tolist() == [r.request for r in rows]
            need, change = found.need[found.owners], expected[:, :, 2]
            reached = np.isfinite(expected[:, :, 2])  # at the last layer only a subject that ends the prompt is
            assert reached[:, :-1].all()
            assert not reached[:2, -1].any()
            np.testing.assert_allclose(found.loss, expected[:, 0, 0], rtol=1e-9)
            np.testing.assert_allclose(need[reached], expected[:, :, 1][reached], rtol=1e-8)
            np.testing.assert_allclose(found.change[reached], change[reached], rtol=1e-7, atol=1e-11)
            np.testing.assert_allclose(found.reach[reached], expected[:, :, 3][reached], rtol=1e-7)
            assert np.isinf(need[~reached]).all()
            assert (found.change[~reached] == 0).all()


@pytest.mark.parametrize("row", ROWS)
def test_a_small_edit_changes_every_probe_as_predicted(row):
    """W <- W - step d u^T lowers each loss by step times `slope`, up to terms of second order."""
    handle = tiny_handle(row, torch.float64)
    step = 1e-5
    with KeepDouble():
        found = gathered(handle, REQUESTS)
        rows = [r if r.answer else _fixed(handle, r) for r in all_rows(handle)]  # the edit must not move the label
        for layer in range(handle.n_layers - 1):
            for request in range(len(REQUESTS)):
                site = found.sites[layer]
                edit = step * torch.outer(site.d[request], site.u[request])
                mine = [r for r, row in enumerate(rows) if row.request == request]
                losses = []
                for sign in (1, -1):  # central differences
                    add_to(handle, handle.mlp_out(layer), -sign * edit)
                    losses.append(np.array([float(loss_of(handle, rows[r])) for r in mine]))
                    add_to(handle, handle.mlp_out(layer), sign * edit)
                fall = (losses[1] - losses[0]) / (2 * step)
                slope = found.slope[mine, layer]
                np.testing.assert_allclose(fall, slope, rtol=1e-4, atol=1e-5 * np.abs(slope).max())
                assert np.abs(slope).max() > 0


def _fixed(handle: ModelHandle, row: ProbeRow) -> ProbeRow:
    token = int(handle.model(input_ids=torch.tensor([row.ids]), use_cache=False).logits[0, -1].argmax())
    return ProbeRow(row.request, row.kind, row.ids, (token,), row.rival, row.lookup)


def test_the_bound_holds_and_margins_are_what_they_say():
    handle = tiny_handle("llama", torch.float64)
    found = gathered(handle, REQUESTS)
    assert (np.abs(found.change) <= found.reach * (1 + 1e-9)).all()
    assert (found.need > 0).all()
    for i, kind in enumerate(found.kinds):
        if kind == "locality":
            assert found.margin[i] == -found.loss[i] > 0
    row = all_rows(handle)[0]
    logits = handle.model(input_ids=torch.tensor([row.ids]), use_cache=False).logits[0, -row.n_labels :]
    log_p = logits.log_softmax(dim=1)
    lead = log_p.amax(dim=1) - log_p[range(row.n_labels), row.answer]
    assert found.margin[0] == pytest.approx(float(lead.mean()))


def test_what_has_no_answer_is_left_out_and_an_empty_rephrase_wants_the_target():
    handle = tiny_handle("gpt2")
    kinds = [row.kind for row in probe_rows(handle, 0, REQUESTS[1], EditAwareConfig())]
    assert kinds == ["rewrite", "locality"]  # its portability probe has no answer
    rows = probe_rows(handle, 0, REQUESTS[0], EditAwareConfig(portability=False))
    assert [row.kind for row in rows] == ["rewrite", "rephrase", "rephrase", "locality", "locality"]
    assert rows[2].answer == rows[0].answer
    assert (rows[3].answer, rows[3].rival) == ((), rows[0].answer[0])
    assert rows[3].ids == encode_prompt(handle.tokenizer, "The capital of Italy is")


def test_of_many_probes_a_few_evenly_spaced_take_part():
    handle = tiny_handle("gpt2")
    many = tuple(Probe(f"The mountain {'very ' * i}high is", (), "locality") for i in range(7))
    rows = probe_rows(handle, 0, dataclasses.replace(REQUESTS[2], locality=many), EditAwareConfig(probes_per_kind=3))
    kept = [encode_prompt(handle.tokenizer, many[i].prompt) for i in (0, 2, 4)]
    assert [row.ids for row in rows[1:]] == kept
    with pytest.raises(ConfigError, match="above 0"):
        EditAwareConfig(probes_per_kind=0)


def test_many_requests_come_in_chunks_each_once_and_progress_can_stop_between():
    handle = tiny_handle("llama")
    many = [EditRequest(str(i), f"The capital {'of ' * (i % 5)}France is", "France", "Rome", "") for i in range(40)]
    seen = [i for effects in iter_edit_aware(handle, many, EditAwareConfig()) for i in effects.indices]
    assert seen == list(range(40))
    alone = gathered(handle, many[17:18])
    together = next(e for e in iter_edit_aware(handle, many, EditAwareConfig()) if 17 in e.indices)
    np.testing.assert_allclose(together.need[together.indices.index(17)], alone.need[0], rtol=1e-4)


def test_bfloat16_is_near_and_the_model_is_left_as_it_was():
    handle = tiny_handle("llama")
    before, hooks = weights_digest(handle.model), hooks_on(handle.model)
    exact, rough = gathered(handle, REQUESTS), gathered(handle, REQUESTS, precision="bfloat16")
    np.testing.assert_allclose(np.log(rough.need), np.log(exact.need), atol=0.2)
    assert (weights_digest(handle.model), hooks_on(handle.model)) == (before, hooks)


def test_mistakes_are_named():
    handle = tiny_handle("llama")
    with pytest.raises(RequestError, match="not in the prompt"):
        gathered(handle, [EditRequest("1", "The capital of France is", "Spain", "Rome", "")])
    with pytest.raises(RequestError, match="empty"):
        gathered(handle, [EditRequest("1", "The capital of France is", "France", " ", "")])
    with pytest.raises(ConfigError, match="above 0"):
        EditAwareConfig(token_budget=0)
    with pytest.raises(ConfigError, match="choose model or bfloat16"):
        EditAwareConfig(precision="float8")


def test_where_the_model_says_the_new_target_already_the_second_likeliest_token_is_the_rival():
    handle = tiny_handle("llama", torch.float64)
    prompt = "The capital of Italy is"
    ids = encode_prompt(handle.tokenizer, prompt)
    logits = handle.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
    first, second = logits.topk(2).indices.tolist()
    row = ProbeRow(0, "locality", ids, (), first, -1)
    _, margins = _losses(logits[None], build((row,)))
    assert float(margins[0]) == pytest.approx(float(logits[first] - logits[second]))


def test_a_step_is_told_after_every_batch_and_a_cancel_there_ends_the_work():
    handle, config = tiny_handle("llama"), EditAwareConfig(token_budget=1)
    shares: list[float] = []
    list(iter_edit_aware(handle, REQUESTS, config, shares.append))
    rows = sum(len(probe_rows(handle, i, request, config)) for i, request in enumerate(REQUESTS))
    assert shares == pytest.approx([(done + 1) / rows for done in range(rows)])
    told: list[float] = []

    def stop(share: float) -> None:
        told.append(share)
        if len(told) == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        list(iter_edit_aware(handle, REQUESTS, config, stop))
    assert len(told) == 2  # nothing ran after it
    assert hooks_on(handle.model) == 0


def test_of_a_word_in_parts_every_token_is_met_and_the_mean_of_them_hides_what_that_takes():
    handle = tiny_handle("llama", torch.float64)
    with KeepDouble():
        found = gathered(handle, REQUESTS)
        row = all_rows(handle)[1]
        assert row.n_labels > 4
        for layer in range(handle.n_layers - 1):
            delta = -found.eta[1, layer] * found.sites[layer].d[1]
            torch.testing.assert_close(delta, value_change(handle, row, layer), rtol=1e-6, atol=1e-9)
            _, _, _, g = one_by_one(handle, row, layer)
            assert found.eta[1, layer] > found.loss[1] / float(g[row.lookup].norm())  # what the mean loss alone needs


def test_a_key_covariance_turns_the_direction_and_leaves_the_key_itself_one():
    handle = tiny_handle("gpt2", torch.float64)
    random = torch.Generator().manual_seed(0)
    factors = {}
    for layer in range(handle.n_layers):
        wide = handle.matrix(handle.mlp_out(layer)).shape[1]
        factors[layer] = torch.randn(wide, wide, generator=random, dtype=torch.float64)
    inverse = {layer: f @ f.T + torch.eye(len(f)) for layer, f in factors.items()}
    with KeepDouble():
        (found,) = iter_edit_aware(
            handle, REQUESTS, EditAwareConfig(), whiten=lambda layer, keys: keys @ inverse[layer]
        )
        plain = gathered(handle, REQUESTS)
    rows = all_rows(handle)
    for layer in range(handle.n_layers - 1):
        site = found.sites[layer]
        torch.testing.assert_close((site.u * site.k).sum(dim=1), torch.ones(len(REQUESTS), dtype=torch.float64))
        wanted = site.k[0] @ inverse[layer]
        torch.testing.assert_close(site.u[0], wanted / (wanted @ site.k[0]))
        with KeepDouble():
            _, a, _, g = one_by_one(handle, rows[3], layer)  # a rephrase of the first request
        slope = ((a @ site.u[0]) * (g @ site.d[0])).sum()
        assert found.slope[3, layer] == pytest.approx(float(slope))
    np.testing.assert_allclose(found.eta, plain.eta)  # how far the value must move does not depend on it
