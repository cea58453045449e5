"""The pick under every choice that the paper leaves open, and which of them it depends on."""

import dataclasses

import numpy as np
import pytest

from goldenlayers_core.attribution.robustness import robustness
from goldenlayers_core.attribution.selection import select
from goldenlayers_core.errors import RequestError
from goldenlayers_core.records import LossOn, SelectionConfig
from goldenlayers_core.results.scores.readings import Reading
from goldenlayers_core.results.scores.robustness import Choice, choices_frame, choices_table, open_choices, sentence


def reading(values: list[list[float]], loss_on: LossOn = "answer", tokens: tuple[int, ...] = ()) -> Reading:
    found = np.array(values, dtype=np.float64)
    counts = np.array(tokens or (1,) * len(found))
    return Reading(loss_on, found, np.ones_like(found), np.ones_like(found), counts, counts)


def picks(choices: tuple[Choice, ...], **fixed: str) -> set[int]:
    return {c.golden_layer for c in choices if all(getattr(c, name) == value for name, value in fixed.items())}


def test_every_combination_has_a_row_and_the_usual_one_is_what_selection_finds():
    rng = np.random.default_rng(3)
    both = (reading(rng.normal(size=(9, 12)).tolist()), reading(rng.normal(size=(9, 12)).tolist(), "sequence"))
    found = robustness({"mlp": both, "block": both[::-1]}, 1.5)
    assert len({dataclasses.replace(c, golden_layer=0) for c in found}) == len(found) == 2 * 2 * 2 * 3
    for one in both:
        chosen = select(one.values, SelectionConfig(fence=1.5, n_resamples=1))
        usual = picks(found, loss_on=one.loss_on, scope="mlp", over_tokens="mean", fences="linear")
        assert usual == {chosen.golden_layer}
        assert picks(found, loss_on=one.loss_on, over_tokens="mean", fences="none") == {chosen.raw_ranking[0]}
    assert list(choices_frame(found)) == ["loss_on", "scope", "over_tokens", "fences", "golden_layer"]


def test_the_table_for_a_reader_has_a_row_per_loss_and_a_column_per_kind_of_fences():
    found = robustness({"mlp": (reading([[0, 1, 2, 3, 4, 5.9]]), reading([[0, 1, 2, 3, 2, 1]], "sequence"))})
    table = choices_table(found)
    assert list(table) == ["Weights", "Loss on", "Fences", "Midpoint", "None"]
    assert table.values.tolist() == [
        ["MLP", "answer, mean", 5, 4, 5],
        ["MLP", "answer, sum", 5, 4, 5],
        ["MLP", "prompt and answer, mean", 3, 3, 3],
        ["MLP", "prompt and answer, sum", 3, 3, 3],
    ]


def test_a_pick_that_no_choice_moves_is_said_to_stand():
    steady = reading([[0, 1, 2, 3, 2, 1]])
    found = robustness({"mlp": (steady, dataclasses.replace(steady, loss_on="sequence"))})
    assert open_choices(found) == ()
    assert sentence(found) == "Each of the 12 ways to compute it picks layer 3."


def test_the_loss_alone_decides():
    found = robustness({"mlp": (reading([[0, 1, 2, 3, 2, 1]]), reading([[1, 3, 2, 1, 2, 0]], "sequence"))})
    assert open_choices(found) == ("loss_on",)
    assert sentence(found) == "The pick depends on the tokens the loss is on: 12 ways pick 2 layers, 1, 3."


def test_long_answers_decide_where_tokens_are_summed():
    found = robustness({"mlp": (reading([[0, 3, 1, 2], [0, 1, 2, 2.5]], tokens=(5, 1)),)}, 9)
    assert (picks(found, over_tokens="mean"), picks(found, over_tokens="sum")) == ({3}, {1})
    assert open_choices(found) == ("over_tokens",)


def test_fences_and_how_their_quartiles_are_taken_decide():
    # quartiles 1 and 4 by interpolation at 1.25 and 3.75, by midpoint at 1.5 and 3.5
    totals = reading([[0, 1, 2, 3, 4, 5.9]])
    found = robustness({"mlp": (totals,)})
    by = {c.fences: c.golden_layer for c in found if c.over_tokens == "mean"}
    assert by == {"linear": 5, "midpoint": 4, "none": 5}
    assert open_choices(found) == ("fences",)


@pytest.mark.parametrize("bad", [reading([[float("nan"), 1.0]]), reading(np.zeros((0, 3)).tolist() or [[]])])
def test_scores_that_choose_nothing_are_refused(bad):
    with pytest.raises(RequestError, match="no finite layer scores"):
        robustness({"mlp": (bad,)})
