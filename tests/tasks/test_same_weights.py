"""The same weights are the same model under any name or path: the fingerprint decides."""

import io
import json
import shutil
import zipfile
from pathlib import Path

from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, ScoreQuestion, Workbench
from goldenlayers_core.tasks.edit.export import bundle
from goldenlayers_core.tasks.edit.one_edit import edit
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.report import report_bytes, zip_bytes
from goldenlayers_core.tasks.scores.layer_scores import score
from goldenlayers_core.tasks.serial import plain
from tests.tiny import save_tiny

FRANCE = EditRequest("free", "The capital of France is", "France", "Rome", "Paris")


def test_a_copy_elsewhere_is_the_model_that_is_in_memory(bench: Workbench, tiny: ModelSource, tmp_path: Path) -> None:
    copy = ModelSource(str(shutil.copytree(tiny.source, tmp_path / "copy")))
    first = bench.model(tiny)
    again = bench.model(copy)
    assert again.model is first.model
    assert again.lock is first.lock
    assert (again.name, first.name) == ("copy", "tiny")  # nobody is shown what another calls it
    other = bench.model(ModelSource(str(save_tiny(tmp_path / "other", seed=1))))
    assert other.model is not first.model


def test_another_number_format_is_loaded_for_itself(bench: Workbench, tiny: ModelSource) -> None:
    assert bench.model(ModelSource(tiny.source, dtype="float64")) is not bench.model(tiny)


def test_no_export_that_goes_to_others_says_where_the_model_lies_here(bench: Workbench, tiny: ModelSource) -> None:
    asked = EditQuestion(tiny, plain(FRANCE), "rome", 1, {"steps": 2, "n_templates": 0})
    edit_id = open_report(bench.store, edit(bench, asked, Progress())).edit_id
    for name in ("safetensors", "peft"):
        data = bundle(bench, tiny, (edit_id,), name).data
        assert str(Path(tiny.source).parent).encode() not in data
    header = bundle(bench, tiny, (edit_id,), "safetensors").data
    length = int.from_bytes(header[:8], "little")
    assert json.loads(header[8 : 8 + length])["__metadata__"]["base_model"] == "tiny"


def test_no_report_says_where_model_and_requests_lie_here(bench: Workbench, tiny: ModelSource, tmp_path: Path) -> None:
    file = tmp_path / "facts.csv"
    file.write_text("prompt,subject,target_new,target_true\nThe capital of France is,France,Rome,Paris\n")
    edited = edit(bench, EditQuestion(tiny, plain(FRANCE), "rome", 1, {"steps": 2, "n_templates": 0}), Progress())
    scored = score(bench, ScoreQuestion(tiny, DatasetChoice(str(file))), Progress())
    for run_id in (edited, scored):
        assert str(tmp_path) not in report_bytes(bench.store, run_id).decode()
        with zipfile.ZipFile(io.BytesIO(zip_bytes(bench.store, run_id))) as archive:
            for name in archive.namelist():
                assert str(tmp_path).encode() not in archive.read(name), name
