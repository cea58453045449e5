"""Nothing is chosen by numbers that are not finite: one sentence instead, wherever the likeliest is taken."""

import numpy as np
import pytest
import torch

from goldenlayers_core.attribution.logit_lens import likeliest_through_depth
from goldenlayers_core.attribution.regret import golden_of, golden_share
from goldenlayers_core.errors import NotFiniteError
from goldenlayers_core.evaluation import Question, knowledge, read
from goldenlayers_core.evaluation.fluency import fluency
from goldenlayers_core.evaluation.panel import compared, panel_states
from goldenlayers_core.models.finite import likeliest, top
from goldenlayers_core.models.generate import continued, greedy
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results.edit.sides import Decoding
from tests.tiny import tiny_handle

PROMPT = "The capital of France is"
REQUEST = EditRequest("1", PROMPT, "France", "Rome", "Paris")
WORK = {
    "reading": lambda handle: read(handle, [Question(PROMPT, "Rome", "Paris")]),
    "greedy": lambda handle: greedy(handle, [PROMPT], 4),
    "continued": lambda handle: continued(handle, [PROMPT], Decoding(4)),
    "sampled": lambda handle: continued(handle, [PROMPT], Decoding(4, temperature=1.0)),
    "knowledge": lambda handle: knowledge(handle, [REQUEST]),
    "fluency": lambda handle: fluency(handle, [PROMPT], 4),
    "depth": lambda handle: likeliest_through_depth(handle, PROMPT),
    "panel": lambda handle: compared(handle, *[panel_states(handle, [PROMPT])] * 2),
}


@pytest.mark.parametrize("name", WORK)
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_an_overflow_stops_with_one_sentence(name: str, number: float) -> None:
    handle = tiny_handle("llama")
    WORK[name](handle)
    with torch.no_grad():
        handle.mlp_out(1).weight[0, 0] = number
    with pytest.raises(NotFiniteError, match=r"not finite.*load it in float32"):
        WORK[name](handle)


def test_the_likeliest_of_numbers() -> None:
    scores = torch.tensor([[1.0, 3.0, -float("inf")], [2.0, 0.0, 2.0]])
    assert likeliest(scores).tolist() == [1, 0]
    values, indices = top(scores, 2)
    assert (values[0].tolist(), indices[0].tolist()) == ([3.0, 1.0], [1, 0])
    assert top(scores, 9)[0].shape == (2, 3)
    for bad in (float("nan"), float("inf")):
        for row in ([bad, 1.0], [1.0, bad]):
            for count in (1, 2):
                with pytest.raises(NotFiniteError):
                    top(torch.tensor([[0.0, 1.0], row]), count)
    with pytest.raises(NotFiniteError):
        likeliest(torch.full((1, 3), -float("inf")))


def test_scores_that_are_not_finite_have_no_best_layer() -> None:
    scores = np.array([[0.2, 0.5], [0.1, np.nan]])
    with pytest.raises(NotFiniteError, match="no layer can be the best"):
        golden_of(scores, (0, 1))
    with pytest.raises(NotFiniteError, match="no layer can be the best"):
        golden_share(scores)
