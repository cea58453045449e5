"""A stored run becomes a notebook that executes, makes the run again on a clean store, and says that it is the same."""

import json
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.reports.notebook import Cell, inert, notebook_bytes
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, ScoreQuestion, Workbench
from goldenlayers_core.tasks.address import without_places
from goldenlayers_core.tasks.edit.one_edit import edit
from goldenlayers_core.tasks.notebook import compared, notebook_of, rerun, shown, write_notebook
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.scores.layer_scores import score
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.truth.sweep import sweep

HOSTILE = "![x](http://example.org/x.png) <script>alert(1)</script> ''' \"\"\" $E=mc^2$"
FACTS = (
    "prompt,subject,target_new,target_true\n"
    "The capital of France is,France,Rome,Paris\n"
    "The capital of Japan is,Japan,Oslo,Tokyo\n"
)
SETTINGS = {"steps": 2, "n_templates": 0}
PROJECT = Path(__file__).parents[2]


def cells(data: bytes, kind: str) -> list[str]:
    """The sources of a notebook's cells of a kind."""
    return [cell.source for cell in nbformat.reads(data.decode(), 4).cells if cell.cell_type == kind]


def variables(data: bytes) -> dict[str, object]:
    """What the notebook's plain assignments assign."""
    found: dict[str, object] = {}
    for source in cells(data, "code"):
        if source.startswith(("KIND", "RECORDED")):
            exec(source, {"os": os}, found)
    return found


def made_again(data: bytes, root: Path, model: str | None) -> tuple[Workbench, str, dict[str, str]]:
    """(workbench, run, what was recorded) of a notebook's run, made again in an empty store."""
    told = variables(data)
    bench, run_id = rerun(told["KIND"], told["SETTINGS"], told["DATASET"], root, model)  # type: ignore[arg-type]
    return bench, run_id, told["RECORDED"]  # type: ignore[return-value]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "capitals.csv"
    path.write_text(FACTS)
    return path


def test_scores_of_a_file_are_made_again_elsewhere(
    bench: Workbench, tiny: ModelSource, file: Path, tmp_path: Path
) -> None:
    run_id = score(bench, ScoreQuestion(tiny, DatasetChoice(str(file))), Progress())
    data = notebook_of(bench, run_id)
    file.unlink()
    other, again, recorded = made_again(data, tmp_path / "elsewhere", tiny.source)
    found = compared(other, again, recorded)
    assert found.loc[["fingerprint", "golden layer", "stability"], "same"].all()
    frames = (bench.store.load_run(run_id).frames, other.store.load_run(again).frames)
    assert frames[0].keys() == frames[1].keys()
    assert len(shown(other, again)) > 2
    other.close()


def test_an_edit_and_a_sweep_are_made_again(bench: Workbench, tiny: ModelSource, file: Path, tmp_path: Path) -> None:
    request = EditRequest("1", "The capital of France is", "France", "Rome", "Paris")
    edited = edit(bench, EditQuestion(tiny, plain(request), layer=1, settings=SETTINGS), Progress())
    swept = sweep(bench, SweepQuestion(tiny, DatasetChoice(str(file)), settings=SETTINGS), Progress())
    for number, run_id in enumerate((edited, swept)):
        other, again, recorded = made_again(notebook_of(bench, run_id), tmp_path / str(number), tiny.source)
        now = compared(other, again, recorded)
        assert now["same"].all(), now
        other.close()


def test_it_says_nothing_of_where_model_and_file_lie_and_asks_where_they_are(
    bench: Workbench, tiny: ModelSource, file: Path, tmp_path: Path
) -> None:
    run_id = score(bench, ScoreQuestion(tiny, DatasetChoice(str(file))), Progress())
    data = notebook_of(bench, run_id)
    assert str(tmp_path) not in data.decode()
    assert variables(data)["SETTINGS"]["model"]["source"] == "tiny"  # type: ignore[index]
    with pytest.raises(ConfigError, match="Set MODEL to the folder or file in which the model tiny lies here"):
        made_again(data, tmp_path / "elsewhere", str(variables(data)["MODEL"]))


def test_a_model_that_everybody_has_is_named_and_not_asked_for() -> None:
    settings = {"model": {"source": "bundled"}, "choice": {"dataset": "bundled"}}
    assert without_places(settings, "SmolLM2") == settings
    assert without_places({"model": {"source": "~/models/x"}}, "x") == {"model": {"source": "x"}}
    assert without_places({"choice": {"dataset": r"C:\me\facts.csv"}}, "x") == {"choice": {"dataset": "facts.csv"}}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["score", "sweep"])
def test_it_executes_in_a_kernel_of_its_own(
    kind: str, bench: Workbench, tiny: ModelSource, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = DatasetChoice(str(file))
    if kind == "score":
        run_id = score(bench, ScoreQuestion(tiny, choice), Progress())
    else:
        run_id = sweep(bench, SweepQuestion(tiny, choice, settings=SETTINGS), Progress())
    path = tmp_path / "run.ipynb"
    write_notebook(bench, run_id, path)
    monkeypatch.setenv("GOLDENLAYERS_PROJECT", str(PROJECT))
    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(bench.root))  # where nothing has to be computed again
    monkeypatch.setenv("GOLDENLAYERS_MODEL", tiny.source)
    notebook = nbformat.read(path, 4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    (table,) = [text for output in outputs if "recorded" in (text := output.get("data", {}).get("text/plain", ""))]
    assert "False" not in table  # the same came out
    assert sum("application/vnd.plotly.v1+json" in output.get("data", {}) for output in outputs) > 1


def test_foreign_text_is_inert(bench: Workbench, tiny: ModelSource, file: Path) -> None:
    run_id = score(bench, ScoreQuestion(tiny, DatasetChoice(str(file), title=HOSTILE)), Progress())
    bench.store.rename_run(run_id, HOSTILE)
    data = notebook_of(bench, run_id)
    words = " ".join(cells(data, "markdown"))
    assert "![x]" not in words
    assert "<script>" not in words
    assert "](http" not in words
    assert variables(data)["SETTINGS"]["choice"]["title"] == HOSTILE  # type: ignore[index]
    assert inert("a_b\n# c") == r"a\_b \# c"


def test_what_cannot_be_made_again_is_refused(bench: Workbench, tiny: ModelSource, file: Path) -> None:
    with pytest.raises(ConfigError, match="kind of run 'nothing' is unknown"):
        rerun("nothing", {})
    text = json.loads(notebook_bytes((Cell("Words", ""), Cell("", "1 + 1"))))
    assert [cell["cell_type"] for cell in text["cells"]] == ["markdown", "code"]
