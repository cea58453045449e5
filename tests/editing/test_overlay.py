"""Overlays change what a model says exactly as merged weights would, and leave nothing behind."""

import pytest
import torch

from goldenlayers_core.editing import Codebook, Edit, Factors, batch_overlay, from_arrays, overlay, to_arrays
from goldenlayers_core.editing.delta import make_edit, whole_factors
from goldenlayers_core.editing.overlay import prefix_of
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.records import EditRequest
from tests.families import PARTLY_IN_FLOAT32, near
from tests.tiny import ROWS, add_to, copy_of, tiny_handle

REQUEST = EditRequest("c1", "The capital of France is", "France", "Rome", "Paris")
IDS = torch.tensor([[5, 20, 33, 40, 7], [9, 21, 60, 2, 8], [1, 2, 3, 4, 5]])


def random_edit(handle: ModelHandle, layers: tuple[int, ...] = (1,), rank: int = 1, seed: int = 0) -> Edit:
    generator = torch.Generator().manual_seed(seed)
    factors = []
    for layer in layers:
        d_out, d_in = handle.matrix(handle.mlp_out(layer)).shape
        left, right = (torch.randn(d, rank, generator=generator) * 0.5 for d in (d_out, d_in))
        factors.append(Factors(layer, left, right))
    return make_edit(handle, REQUEST, "random", factors, {"seed": seed})


def logits(handle: ModelHandle, ids: torch.Tensor = IDS) -> torch.Tensor:
    with torch.no_grad():
        out: torch.Tensor = handle.model(input_ids=ids).logits
    return out


def merged_logits(handle: ModelHandle, edits: list[Edit], ids: torch.Tensor = IDS) -> torch.Tensor:
    """Logits of a copy of the model into whose weights the edits are written."""
    model = copy_of(handle.model)
    blocks = model.get_submodule(handle.architecture.blocks)
    for edit in edits:
        for f in edit.factors:
            site = blocks[f.layer].get_submodule(handle.mlp(f.layer)[-1])
            add_to(handle, site, f.left.to(site.weight) @ f.right.T.to(site.weight))
    with torch.no_grad():
        out: torch.Tensor = model(input_ids=ids).logits
    return out


@pytest.mark.parametrize("row", ROWS)
def test_overlay_equals_merged_weights(row: str) -> None:
    handle = tiny_handle(row, torch.float64)
    plain, digest = logits(handle), weights_digest(handle.model)
    edits = [random_edit(handle, (0, 2), rank=2, seed=1), random_edit(handle, (2,), seed=2)]
    with overlay(handle, edits):
        edited = logits(handle)
    close = 1e-5 if row in PARTLY_IN_FLOAT32 else 1e-9
    torch.testing.assert_close(edited, merged_logits(handle, edits), rtol=close, atol=close)
    assert (edited - plain).abs().max() > 1e-3
    assert torch.equal(logits(handle), plain)
    assert weights_digest(handle.model) == digest
    assert hooks_on(handle.model) == 0


@pytest.mark.parametrize("row", ROWS)
def test_each_sample_under_its_own_edit(row: str) -> None:
    handle = tiny_handle(row, torch.float64)
    edits = [random_edit(handle, (0, 1), rank=3, seed=1), None, random_edit(handle, (1, 2), seed=2)]
    with batch_overlay(handle, edits):
        together = logits(handle)
    for sample, edit in enumerate(edits):
        alone = IDS[sample : sample + 1]
        with overlay(handle, [edit] if edit else []):
            close = near(row)
            torch.testing.assert_close(together[sample : sample + 1], logits(handle, alone), rtol=close, atol=close)
    assert hooks_on(handle.model) == 0


def test_switches_and_stacking() -> None:
    handle = tiny_handle("llama", torch.float64)
    first, second = random_edit(handle, seed=1), random_edit(handle, seed=2)
    with overlay(handle, [first, second], enabled=[False, True]):
        switched = logits(handle)
    with overlay(handle, [second]):
        assert torch.equal(switched, logits(handle))
    with overlay(handle, [first]), overlay(handle, [second]):
        nested = logits(handle)
    with overlay(handle, [first, second]):
        torch.testing.assert_close(logits(handle), nested, rtol=1e-12, atol=1e-12)


def test_an_overlay_does_not_leak_into_the_next() -> None:
    handle = tiny_handle("gpt2")
    first, second = random_edit(handle, (0,), seed=1), random_edit(handle, (2,), seed=2)
    with overlay(handle, [second]):
        alone = logits(handle)
    with overlay(handle, [first]):
        logits(handle)
    with overlay(handle, [second]):
        assert torch.equal(logits(handle), alone)


def test_hooks_go_when_the_work_inside_fails() -> None:
    handle = tiny_handle("opt")
    for context in (overlay(handle, [random_edit(handle)]), batch_overlay(handle, [random_edit(handle)])):
        with pytest.raises(RuntimeError, match="inside"), context:
            raise RuntimeError("inside")
        assert hooks_on(handle.model) == 0


def test_an_edit_of_another_model_is_refused() -> None:
    edit = random_edit(tiny_handle("llama", seed=1))
    other = tiny_handle("llama", seed=2)
    with pytest.raises(EditError, match="load the model it belongs to"), overlay(other, [edit]):
        pass
    with pytest.raises(EditError, match="load the model it belongs to"), batch_overlay(other, [None, edit]):
        pass
    with pytest.raises(EditError, match="one switch for each edit"), overlay(other, [], enabled=[True]):
        pass


def test_weight_change_is_the_relative_frobenius_norm() -> None:
    handle = tiny_handle("gpt2")
    edit = random_edit(handle, (0, 1), rank=3)
    changes = torch.cat([(f.left @ f.right.T).flatten() for f in edit.factors])
    weights = torch.cat([handle.matrix(handle.mlp_out(layer)).flatten() for layer in (0, 1)])
    assert edit.weight_change == pytest.approx(float(changes.norm() / weights.norm()), rel=1e-5)


def test_an_edit_survives_the_store() -> None:
    handle = tiny_handle("llama")
    edit = random_edit(handle, (0, 2), rank=2)
    arrays, meta = to_arrays(edit)
    back = from_arrays(arrays, meta)
    assert back == edit
    assert (back.fact, back.config, back.layers) == (edit.fact, edit.config, (0, 2))
    with overlay(handle, [edit]):
        wanted = logits(handle)
    with overlay(handle, [back]):
        assert torch.equal(logits(handle), wanted)


def test_damaged_edits_are_refused_with_a_sentence() -> None:
    arrays, meta = to_arrays(random_edit(tiny_handle("llama")))
    with pytest.raises(EditError, match="not an edit written here"):
        from_arrays(arrays, {**meta, "format": "other"})
    with pytest.raises(EditError, match="incomplete or damaged"):
        from_arrays({k: v for k, v in arrays.items() if k.startswith("left")}, meta)
    with pytest.raises(EditError, match="incomplete or damaged"):
        from_arrays(arrays, {k: v for k, v in meta.items() if k != "facts"})
    altered = {k: v + 1 for k, v in arrays.items()}
    with pytest.raises(EditError, match="was altered"):
        from_arrays(altered, meta)


def test_factors_that_do_not_fit_or_are_not_finite() -> None:
    handle = tiny_handle("llama")
    with pytest.raises(EditError, match="are needed"):
        Factors(0, torch.zeros(4, 1), torch.zeros(4, 2))
    with pytest.raises(EditError, match="not finite"):
        make_edit(handle, REQUEST, "x", [Factors(0, torch.full((32, 1), torch.nan), torch.zeros(48, 1))], {})
    wrong = make_edit(handle, REQUEST, "x", [Factors(0, torch.zeros(3, 1), torch.zeros(4, 1))], {})
    with pytest.raises(EditError, match="32 x 48"), overlay(handle, [wrong]):
        pass


def full_edit(handle: ModelHandle, layer: int = 1, seed: int = 0) -> Edit:
    shape = handle.matrix(handle.mlp_out(layer)).shape
    change = 0.3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return make_edit(handle, REQUEST, "full", [whole_factors(layer, change)], {})


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4)])
def test_a_whole_change_is_kept_exactly(shape: tuple[int, int]) -> None:
    change = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    factors = whole_factors(0, change)
    assert factors.left.shape == (shape[0], min(shape))
    assert torch.equal(factors.left @ factors.right.T, change)
    assert factors.whole is not None
    assert torch.equal(factors.whole, change)
    assert factors.squared_norm == pytest.approx(float(change.square().sum()), rel=1e-5)
    assert Factors(0, change, change).whole is None


@pytest.mark.parametrize("row", ROWS)
def test_changes_of_any_rank_equal_merged_weights(row: str) -> None:
    """One whole change, and so many small ones that a sum of matrices is cheaper than their factors."""
    handle = tiny_handle(row, torch.float64)
    many = [random_edit(handle, (1,), rank=3, seed=seed) for seed in range(12)]
    for edits in ([full_edit(handle)], [full_edit(handle), random_edit(handle, seed=1)], many):
        with overlay(handle, edits):
            edited = logits(handle)
        torch.testing.assert_close(edited, merged_logits(handle, edits), rtol=1e-5, atol=1e-5)
    own = [full_edit(handle, seed=1), random_edit(handle, (0, 1), seed=2), None]
    with batch_overlay(handle, own):
        together = logits(handle)
    for sample, edit in enumerate(own):
        with overlay(handle, [edit] if edit else []):
            alone = logits(handle, IDS[sample : sample + 1])
        torch.testing.assert_close(together[sample : sample + 1], alone, rtol=1e-6, atol=1e-6)


def test_every_part_of_an_edit_survives_the_store() -> None:
    handle = tiny_handle("gpt2")
    d_out, d_in = handle.matrix(handle.mlp_out(1)).shape
    book = Codebook(2, torch.ones(2, d_in), torch.ones(2, d_out), torch.tensor([0.5, 1.5]))
    factors = [whole_factors(1, torch.ones(d_out, d_in), threshold=0.25)]
    edit = make_edit(
        handle, REQUEST, "all", factors, {}, codebooks=[book], prefix="It is. ", keys=[(1, torch.ones(1, d_in))]
    )
    back = from_arrays(*to_arrays(edit))
    assert back == edit
    assert (back.layers, back.prefix, back.factors[0].threshold) == ((1, 2), "It is. ", 0.25)
    assert torch.equal(back.codebooks[0].radii, book.radii)
    assert torch.equal(back.keys[0][1], torch.ones(1, d_in))
    assert prefix_of([edit, back]) == "It is. It is. "
    arrays, meta = to_arrays(edit)
    with pytest.raises(EditError, match="was altered"):
        from_arrays(arrays, {**meta, "prefix": "It was. "})
    with pytest.raises(EditError, match="was altered"):
        from_arrays(arrays, {**meta, "thresholds": "[0.5]"})


def test_a_whole_change_is_found_once_and_copied_to_a_device_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An overlay is entered for every token of an answer."""
    change = torch.randn(5, 3)
    whole = whole_factors(1, change)
    seen = []
    monkeypatch.setattr(torch, "equal", lambda *pair, real=torch.equal: seen.append(1) or real(*pair))
    here, elsewhere = torch.device("cpu"), torch.device("meta")
    assert torch.allclose(whole.product(here), change)
    assert whole.product(here) is whole.product(here)
    assert whole.product(elsewhere) is whole.product(elsewhere)
    assert whole.product(elsewhere).device == elsewhere
    assert len(seen) == 1
    narrow = Factors(1, torch.randn(5, 2), torch.randn(3, 2))
    assert torch.equal(narrow.product(here), narrow.left @ narrow.right.T)
    assert narrow.product(elsewhere).device == elsewhere


@pytest.mark.gpu
def test_on_a_gpu_an_overlay_does_what_it_does_on_a_processor() -> None:
    handle = tiny_handle("llama")
    edits = [random_edit(handle, rank=40), make_edit(handle, REQUEST, "whole", [wide_factors(handle)], {})]
    with overlay(handle, edits):
        wanted = logits(handle)
    handle.model.to("cuda")
    with overlay(handle, edits):
        torch.testing.assert_close(logits(handle, IDS.cuda()).cpu(), wanted, rtol=1e-3, atol=1e-3)


def wide_factors(handle: ModelHandle) -> Factors:
    return whole_factors(1, torch.randn(handle.shape(handle.mlp_out(1)), generator=torch.Generator().manual_seed(8)))
