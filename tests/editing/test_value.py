"""The fast optimisation equals a plain one: whole rows, all layers, no kept keys, torch's own Adam."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from goldenlayers_core.editing import RomeConfig
from goldenlayers_core.editing import suffix as suffix_module
from goldenlayers_core.editing.clean import clean_pass
from goldenlayers_core.editing.rows import Row, edit_rows
from goldenlayers_core.editing.suffix import split_rows
from goldenlayers_core.editing.value import Values, optimise
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.hooks import as_batch, change_outputs
from goldenlayers_core.models.tokens import pad_right
from goldenlayers_core.records import EditRequest
from tests.families import IN_FLOAT32, PARTLY_IN_FLOAT32
from tests.tiny import ROWS, tiny_handle

REQUEST = EditRequest("c1", "The capital of France is", "France", "Rome", "Paris")
LAST = EditRequest("c3", "Mont Blanc rises near France", "France", "Paris", "")
LATE = EditRequest("c2", "France: its capital is the city of", "France", "Mont Blanc", "Paris")
TEMPLATES = ("{}", "Therefore it rises. {}", "You and I wrote it, because the mountain is in the Alps. {}")
CONFIG = RomeConfig(
    steps=6,
    learning_rate=0.1,
    weight_decay=0.01,
    kl_factor=0.5,
    clamp_factor=2.0,
    stop_loss=0.0,
    direct_steps=False,
    patience=0,
)


def reference(
    handle: ModelHandle, rows: Sequence[Row], layer: int, config: RomeConfig
) -> tuple[torch.Tensor, list[float]]:
    """(d_out,) delta and the losses, by forward passes of single whole rows."""
    shape = handle.matrix(handle.mlp_out(layer)).shape
    delta = torch.zeros(shape[0], dtype=handle.dtype, requires_grad=True)
    adam = torch.optim.Adam([delta], lr=config.learning_rate)
    clean: list[torch.Tensor] = []

    def log_p(row: Row) -> torch.Tensor:
        def shift(_inputs: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
            batch = as_batch(output, 1)
            clean.append(batch[0, row.lookup].detach())
            place = torch.zeros(batch.shape[1], 1, dtype=batch.dtype)
            place[row.lookup] = 1.0
            return (batch + place * delta).reshape(output.shape)

        with change_outputs({handle.mlp_out(layer): shift}):
            out: torch.Tensor = handle.model(input_ids=pad_right([row.ids])).logits[0].log_softmax(dim=1)
        return out

    losses: list[float] = []
    base = log_p(rows[-1])[-1].detach()
    clean.clear()
    for step in range(config.steps):
        nll = torch.zeros((), dtype=handle.dtype)
        for row in rows[:-1]:
            said = log_p(row)[list(row.wanted), list(row.answer)]
            nll = nll - said.mean() / (len(rows) - 1)
        size = clean[0].norm()  # the bare prompt, before anything was added
        after = log_p(rows[-1])[-1]
        loss = nll + config.kl_factor * (after.exp() * (after - base)).sum()
        loss = loss + config.weight_decay * delta.norm() / size**2
        losses.append(float(loss.detach()))
        if losses[-1] < config.stop_loss or step + 1 == config.steps:
            break
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        with torch.no_grad():
            if delta.norm() > config.clamp_factor * size:
                delta.mul_(config.clamp_factor * size / delta.norm())
    return delta.detach(), losses


def fast(handle: ModelHandle, rows: Sequence[Row], layer: int, config: RomeConfig) -> Values:
    return optimise(handle, clean_pass(handle, rows, layer), config)


def tolerance(row: str) -> float:
    """Relative, in float64; transformers takes the softmax of some attentions in float32."""
    return 1e-6 if row in (*IN_FLOAT32, *PARTLY_IN_FLOAT32) else 1e-9


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("row", ROWS)
def test_fast_equals_plain(row: str, layer: int) -> None:
    handle = tiny_handle(row, torch.float64)
    # a subject that opens the prompt and an answer of several tokens; for the last layer a subject that ends the
    # prompt, because there nothing reaches a later position
    request = (REQUEST, LATE, LAST)[layer]
    rows = edit_rows(handle, request, TEMPLATES)
    values = fast(handle, rows, layer, CONFIG)
    delta, losses = reference(handle, rows, layer, CONFIG)
    rel = tolerance(row)
    assert list(values.losses[0]) == pytest.approx(losses, rel=rel)
    torch.testing.assert_close(values.delta[0], delta, rtol=1000 * rel, atol=100 * rel)
    assert (min(losses[1:]) if handle.architecture.experts else losses[-1]) < losses[0]  # a router may jump


@pytest.mark.parametrize("row", ROWS)
def test_packed_equals_padded(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = tiny_handle(row, torch.float64)
    rows = edit_rows(handle, REQUEST, TEMPLATES)
    packed = clean_pass(handle, rows, 1)
    assert (split_rows(handle, packed.whole).starts is not None) == handle.architecture.packs_branches
    monkeypatch.setattr(suffix_module, "PACK_LIMIT", 0)
    padded = clean_pass(handle, rows, 1)
    assert split_rows(handle, padded.whole).starts is None
    one, other = (optimise(handle, clean, CONFIG) for clean in (packed, padded))
    torch.testing.assert_close(one.delta, other.delta, rtol=100 * tolerance(row), atol=10 * tolerance(row))


@pytest.mark.parametrize("row", ["mistral", "gemma2", "gemma3_text", "gemma3"])
def test_windows_shorter_than_the_row(row: str) -> None:
    handle = tiny_handle(row, torch.float64)
    handle.model.config.get_text_config().sliding_window = 4
    for module in handle.model.modules():
        if getattr(module, "sliding_window", None):
            module.sliding_window = 4
    rows = edit_rows(handle, REQUEST, TEMPLATES)
    assert split_rows(handle, clean_pass(handle, rows, 1).whole).starts is None
    delta, losses = reference(handle, rows, 1, CONFIG)
    values = fast(handle, rows, 1, CONFIG)
    rel = tolerance(row)
    assert list(values.losses[0]) == pytest.approx(losses, rel=rel)
    torch.testing.assert_close(values.delta[0], delta, rtol=1000 * rel, atol=100 * rel)
    wide = tiny_handle(row, torch.float64)
    assert fast(wide, rows, 1, CONFIG).losses[0][0] != pytest.approx(losses[0], rel=1e-6)  # the window does cut


@pytest.mark.parametrize("row", ["llama", "bloom"])
def test_a_batch_of_edits_equals_one_at_a_time(row: str) -> None:
    handle = tiny_handle(row, torch.float64)
    alone = [fast(handle, edit_rows(handle, r, TEMPLATES), 1, CONFIG) for r in (REQUEST, LATE)]
    # the first stops after its first pass: what it held then must not move with the other
    stop = alone[0].losses[0][0] + 1e-9
    assert alone[1].losses[0][0] > stop or alone[1].losses[-1][0] < stop
    rows = [row for edit, r in enumerate((REQUEST, LATE)) for row in edit_rows(handle, r, TEMPLATES, edit)]
    together = fast(handle, rows, 1, CONFIG)
    for edit, single in enumerate(alone):
        torch.testing.assert_close(together.delta[edit], single.delta[0], rtol=1e-6, atol=1e-9)
    stopping = replace(CONFIG, stop_loss=min(stop, 10.0))
    mixed = fast(handle, rows, 1, stopping)
    for edit, r in enumerate((REQUEST, LATE)):
        single = fast(handle, edit_rows(handle, r, TEMPLATES), 1, stopping)
        torch.testing.assert_close(mixed.delta[edit], single.delta[0], rtol=1e-6, atol=1e-9)
        assert mixed.steps[edit] == single.steps[0]


def test_float32_agrees_with_float64() -> None:
    single, double = tiny_handle("llama"), tiny_handle("llama")
    double.model.double()
    rows = edit_rows(single, REQUEST, TEMPLATES)
    one, other = (fast(handle, rows, 1, CONFIG) for handle in (single, double))
    assert list(one.losses[0]) == pytest.approx(list(other.losses[0]), rel=1e-4)
    assert one.delta.dtype == torch.float32
    assert other.delta.dtype == torch.float64


def test_clamp_stop_and_best() -> None:
    handle = tiny_handle("llama", torch.float64)
    rows = edit_rows(handle, REQUEST, TEMPLATES)
    clean = clean_pass(handle, rows, 1)
    size = float(clean.values[0].norm())
    clamped = optimise(handle, clean, replace(CONFIG, clamp_factor=0.01))
    assert float(clamped.delta.norm()) == pytest.approx(0.01 * size, rel=1e-9)
    losses = list(optimise(handle, clean, CONFIG).losses[0])
    early = optimise(handle, clean, replace(CONFIG, stop_loss=min(10.0, losses[2] + 1e-9)))
    assert early.steps[0] == next(i for i, x in enumerate(losses) if x < losses[2] + 1e-9) + 1
    # the first step of this one overshoots
    overshot = clean_pass(handle, edit_rows(handle, LATE, TEMPLATES), 1)
    wild = replace(CONFIG, learning_rate=10.0, clamp_factor=100.0, steps=2)
    last, best = optimise(handle, overshot, wild), optimise(handle, overshot, replace(wild, keep_best=True))
    assert last.losses == best.losses
    assert last.losses[0][1] > last.losses[0][0]
    assert float(last.delta.norm()) > 0
    assert float(best.delta.norm()) == 0


def test_the_lookup_is_in_the_prompt_and_not_in_the_template() -> None:
    handle = tiny_handle("llama")
    templates = ("{}", "France is in Europe. {}")
    bare, inside, essence = edit_rows(handle, REQUEST, templates)
    tokens = handle.tokenizer.convert_ids_to_tokens
    assert inside.ids[inside.lookup] == bare.ids[bare.lookup] == essence.ids[essence.lookup]
    assert tokens([bare.ids[bare.lookup]]) == tokens([inside.ids[inside.lookup]])
    assert len(inside.ids) - inside.lookup == len(bare.ids) - bare.lookup
    assert essence.answer == ()
    assert list(essence.wanted) == [len(essence.ids) - 1]


@pytest.mark.parametrize("row", ["llama", "gemma2", "opt"])
def test_direct_steps_lower_the_loss_and_keep_the_best(row: str) -> None:
    handle = tiny_handle(row, torch.float64)
    direct = replace(CONFIG, direct_steps=True, steps=12, kl_factor=0.0)
    for stop in (0.0, 0.5):
        values = fast(handle, edit_rows(handle, REQUEST, TEMPLATES), 1, replace(direct, stop_loss=stop))
        assert values.loss[0] == min(values.losses[0]) < values.losses[0][0]
        assert not values.failed[0]
        assert values.change(0) <= direct.clamp_factor * (1 + 1e-9)
    waiting = replace(direct, steps=200, patience=2, clamp_factor=0.05)  # the clamp holds it: it ends by itself
    assert fast(handle, edit_rows(handle, REQUEST, TEMPLATES), 1, waiting).steps[0] < 60
