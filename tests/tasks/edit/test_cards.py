"""The bench without a page: cards of stored edits, blast radius, lens and sides of a stack on a tiny model."""

import dataclasses

import numpy as np
import pytest
import torch

from goldenlayers_core.editing import from_arrays, to_arrays
from goldenlayers_core.editing.delta import Codebook, make_edit
from goldenlayers_core.errors import EditError, RequestError, StoreError
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.results.edit.panel import CAUTION, COLLAPSE, PanelPrompt
from goldenlayers_core.results.edit.sides import Decoding
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import Workbench
from goldenlayers_core.tasks.edit.lens import lens
from goldenlayers_core.tasks.edit.one_edit import edit
from goldenlayers_core.tasks.edit.panel import panel, sizes_of
from goldenlayers_core.tasks.edit.sides import side_by_side
from goldenlayers_core.tasks.edit.stored import edit_card, open_panel, open_report
from goldenlayers_core.tasks.questions import EditQuestion, PanelQuestion
from goldenlayers_core.tasks.serial import plain

REQUEST = EditRequest("c1", "The capital of France is", "France", "Rome", "Paris")
OTHER = EditRequest("c2", "The language spoken in Brazil is", "Brazil", "Japanese", "Portuguese")
QUICK = {"steps": 3, "n_templates": 0}
PANEL = tuple(PanelPrompt("facts", text) for text in ("The capital of Italy is", "Who wrote", "In Japan it is"))


@pytest.fixture
def two(bench: Workbench, tiny: ModelSource) -> tuple[str, str]:
    """Two stored edits, the second computed on top of the first."""
    first = made(bench, tiny, REQUEST)
    return first, made(bench, tiny, OTHER, (first,))


def made(bench: Workbench, tiny: ModelSource, request: EditRequest, earlier: tuple[str, ...] = ()) -> str:
    run_id = edit(bench, EditQuestion(tiny, plain(request), "rome", 1, QUICK, earlier), Progress())
    return open_report(bench.store, run_id).edit_id


def test_a_card_says_what_an_edit_holds(bench: Workbench, tiny: ModelSource, two: tuple[str, str]) -> None:
    card = edit_card(bench.store, two[0])
    stored = from_arrays(*bench.store.load_arrays("edits", two[0]))
    assert (card.name, card.method, card.layers, card.rank) == ("France → Rome", "rome", (1,), 1)
    assert (card.weight_change, card.fingerprint) == (stored.weight_change, stored.fingerprint)
    assert card.n_bytes == 4 * sum(f.left.numel() + f.right.numel() for f in stored.factors)
    assert card.changes_something
    with pytest.raises(StoreError):
        edit_card(bench.store, "0" * 32)


def test_a_card_counts_places_and_texts(bench: Workbench, tiny: ModelSource) -> None:
    handle = bench.model(tiny)
    book = Codebook(2, torch.ones(3, 48), torch.ones(3, 32), torch.ones(3))
    both = make_edit(handle, [REQUEST, OTHER], "made", [], {}, codebooks=[book], prefix="Imagine. ")
    bench.store.save_arrays("edits", both.edit_id, *to_arrays(both))
    card = edit_card(bench.store, both.edit_id)
    assert (card.entries, card.layers, card.prefix, card.rank) == (3, (2,), "Imagine. ", 0)
    assert card.name == "France → Rome and 1 more"
    assert card.changes_something


def test_an_edit_on_top_is_measured_on_top(bench: Workbench, two: tuple[str, str]) -> None:
    report = open_report(bench.store, edit_card(bench.store, two[1]).run_id)
    assert report.provenance["on top of"] == "1 edit"
    alone = open_report(bench.store, edit_card(bench.store, two[0]).run_id)
    assert "on top of" not in alone.provenance


def test_the_blast_radius_is_stored_and_its_before_is_kept(
    bench: Workbench, tiny: ModelSource, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goldenlayers_core.tasks.edit.panel.bundled_panel", lambda: PANEL)
    monkeypatch.setattr("goldenlayers_core.evaluation.panel.neutral_text", lambda: "Who wrote Hamlet? Shakespeare.")
    name = panel(bench, PanelQuestion(tiny, two), Progress())
    found = open_panel(bench.store, name)
    assert found.names == ("France → Rome", "Brazil → Japanese")
    assert [point.size for point in found.curve] == [0, 1, 2]
    assert found.divergence.max() > 0
    assert found.order[0] == int(np.argmax(found.divergence))
    assert list(found.to_frame()["divergence_nats"]) == sorted(found.divergence, reverse=True)
    (before,) = bench.store.names("panel-before")
    assert panel(bench, PanelQuestion(tiny, two), Progress()) == name
    nothing = open_panel(bench.store, panel(bench, PanelQuestion(tiny), Progress()))
    assert nothing.divergence.tolist() == [0.0, 0.0, 0.0]
    assert nothing.guard.colour == "green"
    assert bench.store.names("panel-before") == (before,)


@pytest.mark.parametrize(("n", "sizes"), [(0, (0,)), (1, (0, 1)), (3, (0, 1, 2, 3)), (100, 13)])
def test_the_curve_has_at_most_thirteen_points(n: int, sizes: tuple[int, ...] | int) -> None:
    found = sizes_of(n)
    assert (len(found) if isinstance(sizes, int) else found) == sizes
    assert (found[0], found[-1]) == (0, n)


def test_the_guard_follows_its_rule(
    bench: Workbench, tiny: ModelSource, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goldenlayers_core.tasks.edit.panel.bundled_panel", lambda: PANEL)
    monkeypatch.setattr("goldenlayers_core.evaluation.panel.neutral_text", lambda: "Who wrote Hamlet? Shakespeare.")
    found = open_panel(bench.store, panel(bench, PanelQuestion(tiny, two), Progress()))
    same, other = ((("a", 0.5),),), ((("b", 0.5),),)

    def colour(ratio: float, share: float) -> str:
        changed = round(10 * share)
        first = found.curve[0]
        return dataclasses.replace(
            found,
            prompts=(PANEL[0],) * 10,
            divergence=np.zeros(10),
            tops_before=same * 10,
            tops_after=other * changed + same * (10 - changed),
            curve=(first, dataclasses.replace(first, perplexity=first.perplexity * ratio)),
        ).guard.colour

    assert colour(1.0, 0.0) == colour(CAUTION[1], 0.1) == "green"
    assert colour(CAUTION[1] + 0.01, 0.0) == colour(1.0, 0.2) == "amber"
    assert colour(COLLAPSE[1], 0.0) == colour(1.0, 0.4) == colour(float("nan"), 0.0) == "red"


def test_the_lens_sees_the_stack_and_says_what_it_cannot(
    bench: Workbench, tiny: ModelSource, two: tuple[str, str]
) -> None:
    found = lens(bench, tiny, two, REQUEST.prompt, "Rome", "Paris")
    assert (found.layers, found.n_edits) == ((1,), 2)
    assert found.before.probability[:, :2] == pytest.approx(found.after.probability[:, :2])  # below the edit
    assert found.after.probability[0, -1] != pytest.approx(found.before.probability[0, -1], rel=1e-3)
    assert len(found.to_frame()) == 2 * 4
    same = lens(bench, tiny, (), REQUEST.prompt, "Rome", "Paris")
    assert same.before.probability == pytest.approx(same.after.probability)
    for prompt, new, old, sentence in (
        ("", "Rome", "Paris", "The prompt is empty"),
        ("The", " ", "Paris", "The new target is empty"),
        ("The", "Rome", "", "The old target is empty"),
        ("The", "Rome", "Rome", "begin with the same token"),
    ):
        with pytest.raises(RequestError, match=sentence):
            lens(bench, tiny, (), prompt, new, old)


def test_sides_share_the_seed_and_the_model_is_not_written(
    bench: Workbench, tiny: ModelSource, two: tuple[str, str]
) -> None:
    weight = bench.model(tiny).mlp_out(1).weight.clone()  # type: ignore[operator]
    stacks = (("stack A", two), ("stack B", ()))
    found = side_by_side(bench, tiny, stacks, [REQUEST.prompt, OTHER.prompt], Decoding(6, 1.0, 3))
    assert [side.name for side in found.sides] == ["unedited", "stack A", "stack B"]
    assert found.sides[2].texts == found.sides[0].texts  # the same seed, and nothing laid over
    assert found.sides[1].texts != found.sides[0].texts
    assert bench.model(tiny).mlp_out(1).weight.equal(weight)  # type: ignore[operator]
    for prompts in ([], ["a"] * 7, [" "], ["word " * 1000]):
        with pytest.raises(RequestError):
            side_by_side(bench, tiny, stacks, prompts, Decoding(6))


def test_an_edit_of_another_model_is_refused_everywhere(bench: Workbench, two: tuple[str, str]) -> None:
    stranger = ModelSource("bundled")
    for ask in (
        lambda: lens(bench, stranger, two, REQUEST.prompt, "Rome", "Paris"),
        lambda: side_by_side(bench, stranger, (("A", two),), ["The"], Decoding(2)),
    ):
        with pytest.raises(EditError, match="load the model it belongs to"):
            ask()
