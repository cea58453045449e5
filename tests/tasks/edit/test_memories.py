"""Methods that leave the weights alone, as work: swept, stored, laid on top of each other."""

from pathlib import Path

import pytest

from goldenlayers_core.editing import get_method
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.evaluation import Question, read
from goldenlayers_core.evaluation.fluency import neutral_text, perplexity
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.results.edit.sides import Decoding
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, Workbench
from goldenlayers_core.tasks.edit.one_edit import edit, open_edit
from goldenlayers_core.tasks.edit.sides import side_by_side
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.recommendation import recommend
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.truth.sweep import sweep, sweep_result

FRANCE = EditRequest("free", "The capital of France is", "France", "Rome", "Paris")
JAPAN = EditRequest("japan", "The capital of Japan is", "Japan", "Oslo", "Tokyo")
FACTS = "prompt,subject,target_new,target_true\n" + "\n".join(
    f"{r.prompt},{r.subject},{r.target_new},{r.target_true}" for r in (FRANCE, JAPAN)
)


@pytest.fixture
def choice(tmp_path: Path) -> DatasetChoice:
    file = tmp_path / "capitals.csv"
    file.write_text(FACTS)
    return DatasetChoice(str(file))


def settings(method: str) -> dict[str, int]:
    return {"steps": 2} if hasattr(get_method(method).config_class(), "steps") else {}


@pytest.mark.parametrize("method", ["ft-l", "ft-m", "grace", "wise", "ice"])
def test_an_edit_is_stored_and_asked_again(bench: Workbench, tiny: ModelSource, method: str) -> None:
    handle = bench.model(tiny)
    digest = weights_digest(handle.model)
    layer = -1 if method == "ice" else 1
    run_id = edit(bench, EditQuestion(tiny, plain(FRANCE), method, layer, settings(method)), Progress())
    report = open_report(bench.store, run_id)
    made = open_edit(bench, report.edit_id)
    assert made.method == report.method == method
    assert made.layers == (() if method == "ice" else (1,))
    said = side_by_side(bench, tiny, (("A", (report.edit_id,)),), [FRANCE.prompt], Decoding(12))
    for side, view in zip(said.sides, (report.before, report.after), strict=True):
        assert side.texts[0].strip().startswith(view.answer.strip())
    assert weights_digest(handle.model) == digest
    assert hooks_on(handle.model) == 0


def test_a_text_has_no_layer_to_sweep(bench: Workbench, tiny: ModelSource, choice: DatasetChoice) -> None:
    with pytest.raises(ConfigError, match="changes no layer, so that every layer would measure the same") as caught:
        sweep_result(bench, SweepQuestion(tiny, choice, "ice"), Progress())
    assert "\n" not in str(caught.value)
    first, other = (sweep_result(bench, SweepQuestion(tiny, choice, "ice", layers=(at,)), Progress()) for at in (0, 2))
    assert (first.values[:, 0] == other.values[:, 0])[~(first.values[:, 0] != first.values[:, 0])].all()
    sweep(bench, SweepQuestion(tiny, choice, "ice", layers=(0,)), Progress())
    assert recommend(bench.store, bench.model(tiny).fingerprint) is None  # a single layer has not been chosen
    run_id = edit(bench, EditQuestion(tiny, plain(FRANCE), "ice"), Progress())
    assert open_report(bench.store, run_id).layer_evidence == "In-context editing changes no layer"


def test_an_edit_on_top_of_a_text_is_asked_with_it(bench: Workbench, tiny: ModelSource) -> None:
    handle = bench.model(tiny)
    below = open_report(bench.store, edit(bench, EditQuestion(tiny, plain(JAPAN), "ice"), Progress())).edit_id
    asked = EditQuestion(tiny, plain(FRANCE), "ft-m", 1, {"steps": 2}, earlier=(below,))
    report = open_report(bench.store, edit(bench, asked, Progress()))
    prefix = open_edit(bench, below).prefix
    (before,) = read(handle, [Question(prefix + FRANCE.prompt, "Rome", "Paris")])
    assert report.before.answer == before.view.answer
    assert report.before.target_new_probability == pytest.approx(before.view.target_new_probability, rel=1e-5)


def test_the_perplexity_after_a_text_counts_only_what_follows(bench: Workbench, tiny: ModelSource) -> None:
    handle, text = bench.model(tiny), " ".join(neutral_text().split()[:20])
    alone, after = perplexity(handle, text), perplexity(handle, text, "The capital of France is Rome.\n")
    assert alone != after
    assert 0.2 < after / alone < 5.0
