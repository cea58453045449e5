"""The job: a fact planted in a known layer, seven ways looking for it; what is asked and drawn of that."""

import dataclasses
import json
import os

import numpy as np
import pytest

from goldenlayers_core.errors import Cancelled, ConfigError, StoreError
from goldenlayers_core.models.classroom.place import DEFAULT_LAYER
from goldenlayers_core.places import cache_root
from goldenlayers_core.results.learn.classroom import CLASSROOM_WAYS, Classroom
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import Workbench, open_workbench
from goldenlayers_core.tasks.learn.classroom import classroom_runs
from goldenlayers_core.tasks.learn.classroom_questions import (
    NONE,
    edit_question,
    found_question,
    lga_notices,
    lga_part,
    often_question,
    planted_card,
    told,
)
from goldenlayers_core.tasks.learn.stored_classroom import ClassroomQuestion, open_classroom, stored_layers
from goldenlayers_core.tasks.learn.text import lesson_text
from tests.lending import lend_models
from tests.made_classroom import MIXED, L, W, run_of


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, classroom_planted: object) -> Workbench:
    made = open_workbench(lend_models(tmp_path_factory.mktemp("room")))
    yield made  # type: ignore[misc]
    made.close()


@pytest.fixture(scope="module")
def found(bench: Workbench) -> Classroom:
    job = bench.submit(ClassroomQuestion((DEFAULT_LAYER,)), "The classroom")
    view = bench.queue_of(job).wait(job, 120)
    assert view.state == "done", view.error
    return open_classroom(bench.store, bench.root, (DEFAULT_LAYER,))


def test_the_job_end_to_end(found: Classroom, bench: Workbench) -> None:
    run = found.runs[0]
    assert (run.planted, run.n_layers, run.values.shape) == (DEFAULT_LAYER, L, (W, L))
    assert run.p_base < 0.05 < 0.5 < run.p_planted
    assert run.base_answer != run.answer
    assert np.isfinite(run.values).all()
    assert all(0 <= pick < L for pick in run.picks)
    assert stored_layers(bench.store, bench.root) == (DEFAULT_LAYER,)


def test_what_one_mlp_writes_betrays_the_layer(found: Classroom) -> None:
    """Of a fact that one MLP holds, these two must find the layer; what gradients find is only reported."""
    assert {"trace_mlp", "lens"} <= set(found.runs[0].right)


def test_real_edits_take_in_the_planted_layer(found: Classroom) -> None:
    scores = found.runs[0].value_of("sweep")
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores.max() == 1


def test_a_stored_run_is_not_computed_again(found: Classroom, bench: Workbench) -> None:
    seen: list[str] = []
    again = classroom_runs(
        bench, ClassroomQuestion((DEFAULT_LAYER,)), Progress(lambda _done, _total, note: seen.append(note))
    )
    assert not seen
    assert again.to_frame().equals(found.to_frame())
    assert again.runs[0].to_frame().equals(found.runs[0].to_frame())
    assert not bench._models, "the pool of models is left alone"


def test_a_cancelled_search_keeps_the_layers_it_finished(bench: Workbench, found: Classroom) -> None:
    def stop(done: int, _total: int, _note: str) -> None:
        if done:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        classroom_runs(bench, ClassroomQuestion((DEFAULT_LAYER, 6)), Progress(stop))
    assert stored_layers(bench.store, bench.root) == (DEFAULT_LAYER,)
    with pytest.raises(StoreError):
        open_classroom(bench.store, bench.root, (6,))


def test_the_command_line_prints_the_same(
    found: Classroom, bench: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from goldenlayers_core.commands.classroom import classroom

    monkeypatch.setitem(os.environ, "GOLDENLAYERS_CACHE", str(bench.root))
    classroom(DEFAULT_LAYER, False, True)
    content = json.loads(capsys.readouterr().out)
    named = {entry["way"]: entry["layer"] for entry in content["runs"][0]["named"]}
    assert tuple(named.values()) == found.runs[0].picks
    classroom(DEFAULT_LAYER, False, False)
    assert f"planted in layer {DEFAULT_LAYER}" in capsys.readouterr().out


def test_a_question_survives_its_process_and_refuses_other_layers() -> None:
    asked = ClassroomQuestion((1, 7))
    assert ClassroomQuestion.from_params(json.loads(json.dumps(asked.to_params()))) == asked
    for layers in ((), (8,), (-1, 2)):
        with pytest.raises(ConfigError, match="layers 0 to 7"):
            ClassroomQuestion(layers)


def test_right_is_the_planted_layer_and_no_other() -> None:
    assert MIXED.level("sweep") == (1, 2, 3, 4, 5, 6)
    assert MIXED.right == ("trace_window", "trace_mlp", "lens")
    first = run_of(0, (0, 0, 7, 0, 0, 0, 0), sweep=(1,) * L)
    assert "sweep" not in first.right, "level everywhere finds nothing"
    both = Classroom((first, MIXED))
    assert both.counts == (1, 1, 0, 2, 2, 2, 0)
    frame = both.to_frame()
    assert len(frame) == 2 * W
    assert frame["right"].sum() == sum(both.counts)


def test_questions_are_answered_by_the_numbers() -> None:
    titles = [way.title for way in CLASSROOM_WAYS]
    assert found_question(MIXED).answers == tuple(titles[i] for i in (3, 4, 5))
    assert found_question(run_of(2, (1, 1, 7, 3, 3, 3, 0))).answers == (NONE,)
    assert edit_question(MIXED).right == (1,)
    assert edit_question(run_of(4, (5, 1, 7, 4, 4, 4, 4))).right == (0,)
    assert edit_question(run_of(4, (5, 1, 7, 4, 4, 4, 2))).right == (2,)
    often = often_question(Classroom((run_of(1, (1, 0, 7, 2, 1, 1, 0)), MIXED)))
    assert often.answers == ("Causal tracing, one MLP", "Logit lens")


def test_every_part_of_the_text_gets_its_numbers() -> None:
    text, said = lesson_text("classroom"), told(MIXED)
    prompt, answer = planted_card()
    assert f"**{answer}**" in text.part("intro", prompt=prompt, answer=answer)
    for part in ("asked", "why", "lga-negative", "lga-other", "lga-notices", "edits"):
        assert "{{" not in text.part(part, **said)
    assert lga_part(MIXED) == "lga-negative"
    assert lga_part(run_of(0, (1,) * W)) == "lga-other"
    assert not lga_notices(MIXED)
    values = MIXED.values.copy()
    values[0, 4] = -3.0
    assert lga_notices(dataclasses.replace(MIXED, values=values))
    assert set(text.questions) == {"found", "edit", "often"}


def test_the_folder_is_small(classroom_planted: object) -> None:
    size = sum(f.stat().st_size for f in (cache_root() / "models").glob("classroom-*-base/*"))
    assert size < 4 * 2**20
