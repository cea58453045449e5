"""Which layers to offer first."""

import pytest

from goldenlayers_core.results.truth.advice import Strength
from goldenlayers_core.tasks import Recommendation
from goldenlayers_core.tasks.layer_options import early_layer, layer_options


def recommended(layer: int) -> Recommendation:
    return Recommendation(layer, "LGA on 3 requests", "Only gradients.", "score-1")


def test_the_recommended_layer_comes_first_with_its_evidence() -> None:
    options = layer_options(30, recommended(19))
    assert [(o.name, o.layer) for o in options] == [("recommended", 19), ("early", 5), ("middle", 15)]
    assert options[0].why == "LGA on 3 requests"


@pytest.mark.parametrize(
    ("strength", "level", "called"),
    [
        ("use", (3,), "recommended"),
        ("prefer", (3, 4), "preferred"),
        ("level", (3,), "preferred"),
        ("level", (1, 3, 4), "one of several"),
        ("few", (0, 3), "ahead so far"),
        ("estimate", (), "estimate"),
    ],
)
def test_a_layer_is_called_no_stronger_than_its_evidence(
    strength: Strength, level: tuple[int, ...], called: str
) -> None:
    found = Recommendation(3, "a sweep", "", "sweep-1", strength=strength, level=level)
    assert layer_options(30, found)[0].called == called
    words = {
        "recommended": "Use",
        "preferred": "Prefer",
        "one of several": "Cannot tell apart",
        "ahead so far": "Too few",
    }
    assert found.headline.startswith(words.get(called, "Estimate"))


def test_without_a_recommendation_the_literature_comes_first() -> None:
    assert [(o.name, o.layer) for o in layer_options(30, None)] == [("early", 5), ("middle", 15)]


@pytest.mark.parametrize("layer", [5, 15])
def test_each_layer_is_offered_once_by_its_best_name(layer: int) -> None:
    options = layer_options(30, recommended(layer))
    assert [o.layer for o in options] == sorted({o.layer for o in options}, key=[o.layer for o in options].index)
    assert options[0].name == "recommended"


def test_a_layer_the_model_does_not_have_is_not_offered() -> None:
    assert all(o.layer < 12 for o in layer_options(12, recommended(19)))


@pytest.mark.parametrize("n_layers", range(1, 60))
def test_the_early_layer_exists_in_every_model(n_layers: int) -> None:
    assert 0 <= early_layer(n_layers) < n_layers
    assert all(0 <= option.layer < n_layers for option in layer_options(n_layers, None))
