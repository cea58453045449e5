"""The line check equals a plain forward pass under the same change, on every row, and reads answers off it."""

import numpy as np
import pytest
import torch

from goldenlayers_core.attribution.edit_rule import CLAMP
from goldenlayers_core.attribution.probe_rows import ProbeRow, probe_rows
from goldenlayers_core.editing import clean
from goldenlayers_core.editing.delta import Factors, make_edit
from goldenlayers_core.editing.overlay import overlay
from goldenlayers_core.errors import Cancelled
from goldenlayers_core.evaluation import line_check
from goldenlayers_core.evaluation.line_check import Checked, iter_line_check
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.records import LineCheckConfig
from tests.attribution.test_edit_aware import REQUESTS
from tests.attribution.test_lga import KeepDouble
from tests.tiny import ROWS, tiny_handle

OVERSHOOT = 1.5


def checked(handle: ModelHandle, **config: object) -> Checked:
    (found,) = iter_line_check(handle, REQUESTS, LineCheckConfig(**config), OVERSHOOT)
    return found


def plainly(handle: ModelHandle, row: ProbeRow, own: int | None) -> tuple[float, float]:
    """Lead and loss of one probe by one forward pass; `own`: the next token whose lead is asked for."""
    logits = handle.model(input_ids=torch.tensor([row.ids]), use_cache=False).logits[0, -row.n_labels :]
    log_p = logits.log_softmax(dim=1)
    wanted = row.answer or (own,)
    said = torch.stack([log_p[j, token] for j, token in enumerate(wanted)])
    others = torch.stack([log_p[j].scatter(0, torch.tensor(t), -torch.inf).max() for j, t in enumerate(wanted)])
    return float((said - others).min()), float(-said.mean())


def likeliest(handle: ModelHandle, row: ProbeRow) -> int:
    return int(handle.model(input_ids=torch.tensor([row.ids]), use_cache=False).logits[0, -1].argmax())


@pytest.mark.parametrize("row", ROWS)
def test_equals_a_forward_pass_under_the_same_change_in_float64(row, monkeypatch):
    monkeypatch.setattr(line_check, "IGNORED", 0.0)
    handle = tiny_handle(row, torch.float64)
    with KeepDouble():
        found = checked(handle)
        each = [probe_rows(handle, i, request, LineCheckConfig()) for i, request in enumerate(REQUESTS)]
        rows = [own[0] for own in each] + [r for own in each for r in own[1:]]
        own = [None if r.answer else likeliest(handle, r) for r in rows]
        for r, probe in enumerate(rows):
            close = 1e-6 if row == "xglm" else 1e-8  # its default numbers are others: tests/conftest.py
            assert found.before[r] == pytest.approx(plainly(handle, probe, own[r])[0], rel=close)
        for layer in range(handle.n_layers):
            site = found.effects.sites[layer]
            for p, request in enumerate(REQUESTS):
                need = found.effects.need[p, layer]
                length = min(OVERSHOOT * need, CLAMP) if np.isfinite(need) else 0.0
                assert found.length[p, layer] == pytest.approx(length)
                delta = -length * found.effects.size[p, layer] * site.d[p]
                edit = make_edit(handle, request, "line", [Factors(layer, delta[:, None], site.u[p, :, None])], {})
                for r in np.flatnonzero(found.owners == p):
                    with overlay(handle, [edit]):
                        lead, loss = plainly(handle, rows[r], own[r])
                    assert found.lead[r, layer] == pytest.approx(
                        lead, rel=1e-4, abs=1e-5
                    )  # an edit's factors are float32
                    assert found.loss[r, layer] == pytest.approx(loss, rel=1e-4, abs=1e-5)


def test_rows_that_need_several_passes_say_what_they_say_in_one(monkeypatch):
    handle = tiny_handle("llama")
    once = checked(handle)
    monkeypatch.setattr(clean, "_TOGETHER", {"cpu": 40})
    several = checked(handle)
    np.testing.assert_allclose(several.lead, once.lead, atol=1e-4)
    np.testing.assert_allclose(several.loss, once.loss, atol=1e-4)


def test_tokens_in_front_that_hardly_move_are_left_out_and_it_hardly_matters(monkeypatch):
    handle = tiny_handle("llama")
    ran: list[int] = []
    split = line_check.split_rows
    monkeypatch.setattr(
        line_check, "split_rows", lambda *given: ran.append(int(given[1].splits.sum())) or split(*given)
    )
    rough = checked(handle)
    skipped = sum(ran)
    ran.clear()
    monkeypatch.setattr(line_check, "IGNORED", 0.0)
    exact = checked(handle)
    assert skipped > sum(ran)
    np.testing.assert_allclose(rough.lead, exact.lead, atol=0.1)


def test_the_model_is_left_as_it_was_and_a_cancel_between_layers_ends_the_work():
    handle = tiny_handle("gpt2")
    before = weights_digest(handle.model), hooks_on(handle.model)
    shares: list[float] = []
    list(iter_line_check(handle, REQUESTS, LineCheckConfig(), OVERSHOOT, shares.append))
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert (weights_digest(handle.model), hooks_on(handle.model)) == before

    def stop(share: float) -> None:
        if share > 0.5:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        list(iter_line_check(handle, REQUESTS, LineCheckConfig(), OVERSHOOT, stop))
    assert hooks_on(handle.model) == before[1]
