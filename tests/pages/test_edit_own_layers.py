"""One's own fact at every layer, from Edit: no dead end, whatever dataset is chosen, and nothing is lost on the way."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.edit.fact_layers import fact_layers
from goldenlayers_core.tasks.edit.own_request import free_request
from goldenlayers_core.tasks.edit.stored_layers import TABLE
from goldenlayers_core.tasks.questions import FactLayersQuestion
from goldenlayers_core.tasks.serial import plain
from pages._edit.request import EXAMPLE
from pages._shared import cached
from tests.lending import lend_models
from tests.pages.benches import words
from tests.pages.conftest import app_on
from tests.pages.driving import healthy, press, start, work_done
from tests.tiny import save_tiny

QUICK = {"steps": 2, "n_templates": 0}


@pytest.fixture(scope="module", autouse=True)
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with app_on(lend_models(tmp_path_factory.mktemp("cache"))) as folder:
        yield folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    """A random model of three layers, in memory."""
    source = ModelSource(str(save_tiny(tmp_path_factory.mktemp("models") / "tiny")))
    cached.workbench().model(source)
    return source


def own(tiny: ModelSource) -> AppTest:
    """The page with the example written in, at the shortest settings."""
    app = start("edit", chosen_model=tiny, **{"edit-view": "layers", "edit-source": "free"}, **EXAMPLE)
    app.number_input(key="edit-rome-steps").set_value(2)
    app.number_input(key="edit-rome-n_templates").set_value(0)
    return healthy(app.run())


def test_a_fact_of_ones_own_is_written_into_every_layer_and_scrubbed(tiny: ModelSource) -> None:
    app = own(tiny)
    assert "Ground truth" not in "".join(info.value for info in app.info)
    assert app.button(key="own-layers-start").label == "Write it into every layer in turn (3)"
    press(app, "own-layers-start")
    work_done(app)
    healthy(app.run())
    assert not [b for b in app.button if b.key == "own-layers-start"]
    assert "of 3 layers; highest score" in words(app)
    app.select_slider(key="own-layers-at").set_value(1).run()
    healthy(app)
    assert "Edited at layer 1, the likeliest next token" in words(app)
    assert app.button(key="own-layers-edit").label == "Edit at layer 1"
    table = "\n".join(e.proto.body for e in app.get("html"))
    assert "The country where the Eiffel Tower stands is" in table
    assert "portability" in table


def test_what_is_there_already_is_shown_and_the_rest_is_offered(tiny: ModelSource) -> None:
    bench, asked = cached.workbench(), free_request(*EXAMPLE.values())
    question = FactLayersQuestion(tiny, plain(asked), settings=QUICK)
    name = fact_layers(bench, question, Progress())
    whole = bench.store.load_json(TABLE, name)
    bench.store.save_json(TABLE, name, {**whole, "rows": {"0": whole["rows"]["0"]}})
    app = own(tiny)
    assert app.button(key="own-layers-start").label == "Measure the other 2 layers"
    assert "of 1 layer; highest score" in words(app)
    fact_layers(bench, question, Progress())
    assert "of 3 layers; highest score" in words(own(tiny))


def test_a_consequence_without_an_answer_says_how_to_write_it(tiny: ModelSource) -> None:
    app = own(tiny)
    app.text_area(key="edit-consequences").set_value("The country is").run()
    assert "has no answer of its own; write: the prompt -> its new answer" in words(app)
