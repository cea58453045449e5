"""Controls show what is on screen: whatever is selected is derived from the run on show."""

import pytest
import streamlit as st

from goldenlayers_core.tasks import DatasetChoice
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from pages._shared import cached, request_choice
from tests.made_up import made_sweep
from tests.pages.benches import words
from tests.pages.driving import healthy, start, stored_scores


def swept(n: int, prefix: str) -> str:
    question = SweepQuestion(choice=DatasetChoice("bundled", "proxy", n), layers=(0, 3, 6))
    return save_sweep(cached.workbench().store, question, made_sweep(n, (0, 3, 6), prefix=prefix))


@pytest.mark.parametrize(("page", "key"), [("layer_scores", "scores"), ("ground_truth", "truth")])
def test_another_run_of_other_requests_has_its_own_request_open(page: str, key: str) -> None:
    if page == "layer_scores":
        first, second = stored_scores(6, seed=1), stored_scores(3, seed=2, dataset="other")
    else:
        first, second = swept(6, "one"), swept(3, "other")
    app = start(page, **{f"{'score' if key == 'scores' else 'sweep'}_run": first})
    app.selectbox(key=f"{key}-request").select_index(5).run()
    app.selectbox(key=f"{key}-run").set_value(second).run()
    healthy(app)
    box = app.selectbox(key=f"{key}-request")
    assert len(box.options) == 3
    assert box.value == 0
    digests = cached.scores(second)[0].request_digests if key == "scores" else cached.sweep(second).request_digests
    assert app.session_state["open_request"] == digests[0]
    assert app.query_params["request"] == digests[0]
    assert "other" in box.options[0]


def test_a_cell_of_another_run_leaves_no_layer_behind() -> None:
    deep, flat = stored_scores(n_layers=8, seed=1), stored_scores(n_layers=4, seed=2)
    app = start("layer_scores", score_run=deep)
    app.session_state["open-layer"] = 7
    app.run()
    assert app.button(key="edit-request-here").label.endswith("layer 7")
    app.selectbox(key="scores-run").set_value(flat).run()
    healthy(app)
    assert not [button for button in app.button if button.key == "edit-request-here"]
    assert "layer" not in app.query_params
    assert "the cell you clicked" not in words(app)


def test_a_layer_of_another_sweep_is_left_behind() -> None:
    first, second = swept(6, "one"), swept(3, "other")
    golden = cached.sweep(second).golden_layer
    other = next(layer for layer in (6, 3, 0) if layer != golden)
    app = start("ground_truth", sweep_run=first)
    app.select_slider(key="truth-layer").set_value(other).run()
    app.selectbox(key="truth-run").set_value(second).run()
    assert healthy(app).select_slider(key="truth-layer").value == golden
    assert app.query_params["layer"] == str(golden)


@pytest.mark.parametrize("place", [None, 5, -1, "x"])
def test_a_choice_that_comes_late_opens_nothing(place: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser's answer to a list that is no longer there: the TypeError that was logged."""
    opened: list[str | None] = []
    calls = {}

    def selectbox(*_: object, on_change: object, **__: object) -> int:
        calls["take"] = on_change
        return 0

    monkeypatch.setattr(st, "session_state", {"k": 0})
    monkeypatch.setattr(st, "selectbox", selectbox)
    monkeypatch.setattr(request_choice.session, "request_digest", lambda: None)
    monkeypatch.setattr(request_choice.session, "open_request", opened.append)
    monkeypatch.setattr(request_choice.link, "request", lambda *_: None)
    monkeypatch.setattr(request_choice.link, "say", lambda **_: None)
    request_choice.choose("k", ("a", "b"), str)
    assert opened == ["a"]
    st.session_state["k"] = place
    calls["take"]()  # type: ignore[operator]
    assert opened == ["a"]
