"""Edit, the view of key covariances: what is stored, and what two sweeps say that it buys."""

from pathlib import Path

from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice
from goldenlayers_core.tasks.covariance import estimated
from goldenlayers_core.tasks.questions import CovarianceQuestion, SweepQuestion
from goldenlayers_core.tasks.stored_covariance import cards
from goldenlayers_core.tasks.truth.sweep import sweep
from pages._shared import cached
from tests.pages.benches import words
from tests.pages.driving import press, start, work_done
from tests.tiny import save_tiny


def test_the_view_says_what_is_stored_and_what_it_buys(tmp_path: Path) -> None:
    tiny, bench = ModelSource(str(save_tiny(tmp_path / "tiny"))), cached.workbench()
    bench.model(tiny)
    empty = start("edit", **{"chosen_model": tiny, "edit-view": "covariance"})
    said = words(empty)
    assert "MEMIT, EMMET, PMET and AlphaEdit need it" in said
    assert "No two sweeps in the store differ in the covariance alone" in said
    assert [b.key for b in empty.button if b.key in ("covariance", "covariance-gain")] == [
        "covariance",
        "covariance-gain",
    ]
    card = estimated(bench, CovarianceQuestion(tiny, tokens=640), Progress())
    for settings in ({}, {"covariance": "samples"}):
        choice = DatasetChoice("bundled", "proxy", 2)
        question = SweepQuestion(tiny, choice, "rome", {"steps": 2, "n_templates": 0, **settings}, layers=(1,))
        sweep(bench, question, Progress())
    full = start("edit", **{"chosen_model": tiny, "edit-view": "covariance"})
    said = words(full)
    assert f"3 layers from {card.words}; shrinkage 0.01" in said
    assert "Largest over smallest eigenvalue" in said
    assert "with the covariance" in said
    assert "2 requests" in said
    assert "No two sweeps" not in said


def test_the_button_estimates_one_and_the_view_shows_it(tmp_path: Path) -> None:
    tiny, bench = ModelSource(str(save_tiny(tmp_path / "tiny"))), cached.workbench()
    handle = bench.model(tiny)
    app = start("edit", **{"chosen_model": tiny, "edit-view": "covariance"})
    app.number_input(key="covariance-tokens").set_value(1024).run()
    press(app, "covariance")
    (job,) = bench.jobs()
    assert (job.kind, job.params["tokens"]) == ("covariance", 1024)
    work_done(app)
    (card,) = cards(bench.store, handle.fingerprint)
    assert f"3 layers from {card.words}; shrinkage 0.01" in words(app)
    assert "Estimate another one" in [expander.label for expander in app.expander]


def test_an_empty_text_is_one_sentence(tmp_path: Path) -> None:
    tiny = ModelSource(str(save_tiny(tmp_path / "tiny")))
    cached.workbench().model(tiny)
    app = start("edit", **{"chosen_model": tiny, "edit-view": "covariance", "covariance-from": "A text I paste"})
    app.button(key="covariance").click().run()
    assert [e.value for e in app.error] == ["The text is empty; paste some pages of what the model usually reads."]
    assert not app.exception
