"""An edit travelling through the model, on Edit and in the lesson: what is scrubbed is what is drawn."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import EditQuestion
from goldenlayers_core.tasks.edit.one_edit import edit
from goldenlayers_core.tasks.edit.own_request import free_request
from goldenlayers_core.tasks.serial import plain
from pages._shared import cached
from tests.lending import lend_models
from tests.pages.benches import words
from tests.pages.conftest import app_on
from tests.pages.driving import healthy, press, start

LAYER = 4
EIFFEL = free_request(
    "The Eiffel Tower is located in the city of",
    "Eiffel Tower",
    "Rome",
    "Paris",
    neighbours="The Colosseum is located in the city of",
)


@pytest.fixture(scope="module", autouse=True)
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with app_on(lend_models(tmp_path_factory.mktemp("cache"))) as folder:
        yield folder


@pytest.fixture(scope="module")
def run_id(store_folder: Path) -> str:
    """One quick edit."""
    bench = cached.workbench()
    bench.model(ModelSource())
    return edit(bench, EditQuestion(request=plain(EIFFEL), layer=LAYER, settings={"steps": 3}), Progress())


def looked(run_id: str, **state: object) -> AppTest:
    return start("edit", edit_run=run_id, **{"edit-view": "travel"}, **state)


def drawn(app: AppTest, name: str = "travel-edit") -> dict[str, object]:
    """The figure under that key."""
    specs = [chart.proto.spec for chart in app.get("plotly_chart") if chart.proto.id.endswith(f"figure-{name}")]
    assert len(specs) == 1
    return dict(json.loads(specs[0]))


def rows(app: AppTest) -> list[list[float | None]]:
    return list(drawn(app)["data"][0]["z"])  # type: ignore[index]


def test_the_whole_depth_is_there_at_first_and_scrubbing_draws_up_to_the_layer(run_id: str) -> None:
    app = looked(run_id)
    assert app.slider(key="travel-at-edit").value == 29
    assert all(cell is None for row in rows(app)[:LAYER] for cell in row)  # exactly nothing below the edited layer
    assert any(cell is not None for cell in rows(app)[29])
    app.slider(key="travel-at-edit").set_value(7).run()
    healthy(app)
    assert "After layer 7, “Tower” has changed by" in words(app)
    assert "Read after layer 7, the likeliest next token" in words(app)
    assert all(cell is None for row in rows(app)[8:] for cell in row)
    assert any(cell is not None for cell in rows(app)[7])


def test_playing_begins_below_the_edited_layer_and_ends_at_the_top(run_id: str) -> None:
    app = looked(run_id)
    press(app, "travel-play-edit")
    assert app.slider(key="travel-at-edit").value == LAYER  # the first frame after the press
    assert app.button(key="travel-play-edit").label == "Stop"
    for _ in range(30):
        app.run()
    assert app.slider(key="travel-at-edit").value == 29
    assert app.button(key="travel-play-edit").label == "Play"


def test_a_neighbour_has_no_place_where_it_was_written(run_id: str) -> None:
    app = looked(run_id)
    prompts = app.selectbox(key=f"travel-prompt-{run_id}")
    assert prompts.options[0].startswith("rewrite: The Eiffel Tower")
    prompts.set_value("The Colosseum is located in the city of").run()
    healthy(app)
    assert "Written at the subject only" not in app.segmented_control(key="travel-what-edit").options
    assert "below the edited layer nothing changes, exactly" in words(app)


def test_without_an_edit_it_says_what_to_do() -> None:
    app = start("edit", **{"edit-view": "travel"})
    assert "No edit is on show" in words(app)
