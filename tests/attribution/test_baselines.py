"""The simpler estimates beside LGA: exact against autograd, and picked by the rule that each states."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from goldenlayers_core.attribution import mean_abs
from goldenlayers_core.attribution.baselines import estimates
from goldenlayers_core.attribution.lga import iter_lga
from goldenlayers_core.attribution.requests import prepare
from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import LOSSES_ON, SCOPES, LgaConfig
from goldenlayers_core.results import Floats, LayerScores
from goldenlayers_core.results.scores.baselines import ESTIMATES, picks_frame
from goldenlayers_core.results.scores.readings import Reading
from tests.attribution.test_lga import REQUESTS, KeepDouble
from tests.tiny import ROWS, parameter_of, tiny_handle

OLD = [r.target_true for r in REQUESTS]


def autograd(handle: ModelHandle, scope: str) -> Floats:
    """(Q, L) mean over a layer's weights of |gradient| of the new answer's loss, from full weight gradients."""
    sites = handle.sites(scope)
    weights = [parameter_of(m) for m in sites.values()]
    sums, counts = np.zeros((len(REQUESTS), handle.n_layers)), np.zeros(handle.n_layers)
    for q, pair in enumerate(prepare(handle, REQUESTS, OLD)):
        for weight in weights:
            weight.requires_grad_(True)
        text = torch.tensor([pair.prompt + pair.new])
        logits = handle.model(input_ids=text, use_cache=False).logits
        loss = cross_entropy(logits[0, len(pair.prompt) - 1 : -1], text[0, len(pair.prompt) :])
        for site, gradient in zip(sites, torch.autograd.grad(loss, weights), strict=True):
            layer = int(site.split("/")[0])
            sums[q, layer] += float(gradient.double().abs().sum())
            counts[layer] += gradient.numel() if q == 0 else 0
        for weight in weights:
            weight.requires_grad_(False)
    return sums / counts


def ours(handle: ModelHandle, config: LgaConfig) -> Floats:
    found = np.full((len(REQUESTS), handle.n_layers), np.nan)
    for batch in iter_lga(handle, REQUESTS, OLD, config):
        found[list(batch.indices)] = batch.mean_abs_new
    return found


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("row", ROWS)
def test_the_mean_absolute_gradient_equals_autograd(row, scope, monkeypatch):
    handle = tiny_handle(row, torch.float64)
    with KeepDouble():
        expected = autograd(handle, scope)
        assert expected.min() > 0
        np.testing.assert_allclose(ours(handle, LgaConfig(scope=scope, token_budget=4096)), expected, rtol=1e-8)
        monkeypatch.setattr(mean_abs, "_ELEMENTS", 1)  # one request's gradient at a time
        np.testing.assert_allclose(ours(handle, LgaConfig(scope=scope, loss_on="answer")), expected, rtol=1e-8)


def made(make_readings: bool = True, loss_on: str = "sequence", **changed: object) -> LayerScores:
    """Two requests, six layers; the answer's reading is least at layer 1 and the prompt's at layer 4."""
    answer = np.array([[5.0, -3, 1, 1.5, 1, 2], [5.0, -3, 1, 1.5, 1, 2]])
    sequence = np.array([[2.0, 3, 2.5, 3, 1.5, 2], [2.0, 3, 2.5, 3, 1.5, 2]])
    norms = {"answer": np.array([[9.0, 2, 3, 1, 1, 1], [9.0, 2, 4, 1, 1, 1]]), "sequence": np.ones((2, 6))}
    values = {"answer": answer, "sequence": sequence}
    tokens = np.array([1, 2])
    readings = tuple(Reading(name, values[name], norms[name], norms[name], tokens, tokens) for name in LOSSES_ON)
    words = ("a", "b")
    fields = {
        "method": "lga",
        "readings": readings if make_readings else (),
        "mean_abs_new": np.array([[1.0, 1.1, 1.2, 4, 1.3, 1], [1.0, 1.1, 1.2, 6, 1.3, 1]]),
    } | changed
    return LayerScores(
        model="m", fingerprint="f", dataset="d", scope="mlp", old_answer="dataset", case_ids=words,
        request_digests=words, prompts=words, targets_old=words, targets_new=words, relations=words,
        values=values[loss_on], norm_old=norms[loss_on], norm_new=norms[loss_on], loss_on=loss_on, **fields,
    )  # fmt: skip


def test_each_estimate_picks_by_its_rule():
    found = {one.name: one for one in estimates(made())}
    assert list(found) == list(ESTIMATES)
    np.testing.assert_allclose(found["reversed-answer"].totals, [-10, 6, -2, -3, -2, -4])
    np.testing.assert_allclose(found["norm"].totals, [9, 2, 3.5, 1, 1, 1])
    np.testing.assert_allclose(found["mean-abs"].totals, [1, 1.1, 1.2, 5, 1.3, 1])
    picks = {name: (one.golden_layer, one.within_fences, one.without_fences) for name, one in found.items()}
    assert picks == {
        "reversed-answer": (2, 2, 1),  # layer 1 stands out, and LGA's fences are part of its rule
        "reversed-sequence": (4, 4, 4),
        "norm": (0, 2, 0),
        "mean-abs": (3, 4, 3),
        "earlier": (0, 0, 0),
    }
    frame = picks_frame(tuple(found.values()))
    assert list(frame) == ["title", "golden_layer", "definition"]
    assert frame["golden_layer"].tolist() == [2, 4, 0, 3, 0]


def test_wide_fences_set_nothing_aside():
    found = {one.name: one.golden_layer for one in estimates(made(), k=9.0)}
    assert found["reversed-answer"] == 1


def test_runs_that_hold_less_say_less():
    before = estimates(made(make_readings=False, loss_on="answer", mean_abs_new=None))
    assert [one.name for one in before] == ["reversed-answer", "norm", "earlier"]
    assert [one.golden_layer for one in before] == [2, 0, 0]
    alone = estimates(made(make_readings=False))
    assert [one.name for one in alone] == ["reversed-sequence", "mean-abs", "earlier"]
    assert estimates(made(method="edit-aware")) == ()


def test_numbers_of_another_shape_are_refused():
    with pytest.raises(GoldenLayersError, match="mean_abs_new"):
        made(mean_abs_new=np.ones((1, 6)))
