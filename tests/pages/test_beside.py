"""The open request stands beside the heatmap, follows a click, and is walked to by buttons and arrow keys."""

import json

from streamlit.testing.v1 import AppTest

from goldenlayers_core.figures.scores.heatmap import shown_rows
from goldenlayers_core.tasks import DatasetChoice
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from pages._shared import cached
from tests.made_up import made_sweep
from tests.pages.driving import press, start, stored_scores


def frame_of(app: AppTest) -> tuple[float, float]:
    """(column, row) of the framed cell."""
    (spec,) = [c.proto.spec for c in app.get("plotly_chart") if "figure-heatmap" in c.proto.id]
    (cell,) = [s for s in json.loads(spec)["layout"]["shapes"] if s.get("name") == "open cell"]
    return cell["x0"] + 0.5, cell["y0"] + 0.5


def test_the_scores_are_walked_cell_by_cell() -> None:
    run_id = stored_scores()
    scores, _ = cached.scores(run_id)
    rows = shown_rows(scores, "best").order.tolist()
    app = start("layer_scores", score_run=run_id, open_request=scores.request_digests[rows[0]])
    best = int(scores.best_layers[rows[0]])
    assert frame_of(app) == (best, 0)
    press(app, "walk-scores-down")
    assert app.selectbox(key="scores-request").value == rows[1]
    assert frame_of(app) == (best, 1)
    press(app, "walk-scores-right" if best < scores.n_layers - 1 else "walk-scores-left")
    assert frame_of(app)[0] == (best + 1 if best < scores.n_layers - 1 else best - 1)
    assert frame_of(app)[0] == app.session_state["open-layer"]
    press(app, "walk-scores-up")
    press(app, "walk-scores-up")  # at the edge it stays
    assert app.selectbox(key="scores-request").value == rows[0]


def test_a_sweep_is_walked_over_the_layers_that_were_measured() -> None:
    sweep = made_sweep(4, (0, 3, 6))
    question = SweepQuestion(choice=DatasetChoice("bundled", "proxy", 4), layers=(0, 3, 6))
    run_id = save_sweep(cached.workbench().store, question, sweep)
    app = start("ground_truth", sweep_run=run_id)
    app.select_slider(key="truth-layer").set_value(3).run()
    press(app, "walk-truth-right")
    assert app.select_slider(key="truth-layer").value == 6
    assert frame_of(app)[0] == 2
    before = app.selectbox(key="truth-request").value
    press(app, "walk-truth-down" if frame_of(app)[1] < 3 else "walk-truth-up")
    assert app.selectbox(key="truth-request").value != before
