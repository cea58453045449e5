"""A stored edit travels as the cone says, is computed once, and what cannot travel is one sentence."""

from dataclasses import replace

import numpy as np
import pytest

from goldenlayers_core.errors import EditError, RequestError
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import EditQuestion, Workbench
from goldenlayers_core.tasks.edit import travel as module
from goldenlayers_core.tasks.edit.one_edit import edit
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.edit.travel import MOST_TOKENS, travel
from goldenlayers_core.tasks.serial import plain

FRANCE = EditRequest("free", "The capital of France is", "France", "Rome", "Paris")
JAPAN = EditRequest("japan", "The capital of Japan is", "Japan", "Oslo", "Tokyo")


def made(
    bench: Workbench,
    tiny: ModelSource,
    request: EditRequest = FRANCE,
    layer: int = 1,
    method: str = "rome",
    earlier: tuple[str, ...] = (),
) -> str:
    """The id of an edit of two steps."""
    settings = {} if method in ("ice", "grace") else {"steps": 2}
    asked = EditQuestion(tiny, plain(request), method, layer, settings, earlier)
    return open_report(bench.store, edit(bench, asked, Progress())).edit_id


def test_it_travels_within_the_cone_and_leaves_the_model_alone(bench: Workbench, tiny: ModelSource) -> None:
    handle = bench.model(tiny)
    digest = weights_digest(handle.model)
    found = travel(bench, tiny, made(bench, tiny), FRANCE.prompt)
    assert (weights_digest(handle.model), hooks_on(handle.model)) == (digest, 0)
    assert found.subject is not None
    assert 0 < found.subject < len(found.tokens) - 1
    assert "France".endswith(found.tokens[found.subject].strip())
    assert (found.change[: found.lowest] == 0).all()
    assert (found.alone[~found.cone] == 0).all()  # exactly
    assert (found.alone[found.lowest :, found.subject] > 0).all()
    assert (found.odds_after[: found.lowest] == found.odds_before[: found.lowest]).all()
    assert (found.p_after[-1] != found.p_before[-1]).any()
    assert found.leak == found.change[:, : found.subject].max()


def test_it_is_computed_once(bench: Workbench, tiny: ModelSource, monkeypatch: pytest.MonkeyPatch) -> None:
    edit_id = made(bench, tiny)
    first = travel(bench, tiny, edit_id, FRANCE.prompt)

    def refuse(*_: object) -> None:
        raise AssertionError("it was computed again")

    monkeypatch.setattr(module, "_computed", refuse)
    again = travel(bench, tiny, edit_id, FRANCE.prompt)
    for name in ("change", "alone", "odds_before", "odds_after", "p_before", "p_after"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert (again.tokens, again.says, again.subject) == (first.tokens, first.says, first.subject)


def test_edits_below_lie_on_both_sides(bench: Workbench, tiny: ModelSource) -> None:
    below = made(bench, tiny, JAPAN, layer=0)
    upper = made(bench, tiny, FRANCE, layer=2, earlier=(below,))
    found = travel(bench, tiny, upper, FRANCE.prompt)
    assert found.n_below == 1
    assert (found.change[:2] == 0).all()  # the edit below changed layer 0, on both sides


def test_a_prompt_without_the_subject_has_no_apex(bench: Workbench, tiny: ModelSource) -> None:
    found = travel(bench, tiny, made(bench, tiny), "The language spoken in Brazil is")
    assert found.subject is None
    assert np.isnan(found.alone).all()
    assert (found.change[found.lowest :] > 0).any()


def test_a_subject_at_the_end_is_its_own_last_token(bench: Workbench, tiny: ModelSource) -> None:
    request = replace(FRANCE, prompt="The capital city of France")
    found = travel(bench, tiny, made(bench, tiny, request), request.prompt)
    assert found.subject == len(found.tokens) - 1


def test_what_cannot_travel_is_one_sentence(bench: Workbench, tiny: ModelSource) -> None:
    edit_id = made(bench, tiny)
    with pytest.raises(RequestError, match=f"shows at most {MOST_TOKENS}"):
        travel(bench, tiny, edit_id, "word " * 60)
    with pytest.raises(RequestError, match="is empty"):
        travel(bench, tiny, edit_id, " ")
    with pytest.raises(EditError, match="acts at no layer"):
        travel(bench, tiny, made(bench, tiny, method="ice", layer=-1), FRANCE.prompt)


def test_a_memory_beside_the_model_travels_from_its_layer(bench: Workbench, tiny: ModelSource) -> None:
    found = travel(bench, tiny, made(bench, tiny, method="grace"), FRANCE.prompt)
    assert found.subject is None
    assert (found.change[: found.lowest] == 0).all()


def test_a_fact_without_a_subject_travels_from_its_layer(bench: Workbench, tiny: ModelSource) -> None:
    request = replace(FRANCE, subject="", source="a file")
    found = travel(bench, tiny, made(bench, tiny, request, method="ft-l"), FRANCE.prompt)
    assert found.subject is None
    assert (found.change[: found.lowest] == 0).all()
