"""Where long work is done, chosen on the Runs page where Ray is installed."""

from collections.abc import Iterator

import pytest

from goldenlayers_core.tasks.engine_choice import EngineChoice, choose_engine, engine_choice
from pages._shared import cached
from tests.pages.driving import press, start, texts


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The store is that of every page test in this process: what they compute is not for a cluster."""
    yield
    bench = cached.workbench()
    choose_engine(bench.store, bench.mode, EngineChoice())


def test_without_ray_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goldenlayers_core.tasks.engine_choice.ray_is_here", lambda: False)
    app = start("runs")
    assert "Long work" not in "".join(expander.label for expander in app.expander)


def test_an_engine_is_chosen_once_for_all_work_of_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goldenlayers_core.tasks.engine_choice.ray_is_here", lambda: True)
    app = start("runs")
    assert any(expander.label == "Long work: in this app" for expander in app.expander)
    app.radio(key="engine-name").set_value("ray")
    app.text_input(key="engine-address").set_value(" auto ")
    app.number_input(key="engine-workers").set_value(2)
    press(app, "engine-keep")
    assert engine_choice(cached.workbench().store) == EngineChoice("ray", "auto", 2)
    assert any(expander.label == "Long work: on a Ray cluster" for expander in app.expander)
    assert "settings" in texts(app).lower()  # counted with what the store holds
    monkeypatch.setattr("goldenlayers_core.tasks.engine_choice.ray_is_here", lambda: False)
    assert engine_choice(cached.workbench().store) == EngineChoice()  # Ray went: the app does it
