"""Edit, the views Take it away and Many edits, on a tiny model: what the page does with edits, not what they say."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.editing import to_arrays
from goldenlayers_core.editing.delta import make_edit
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.results.edit.stack import Entry, Stack
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, Workbench
from goldenlayers_core.tasks.edit.export import bundle, export_to
from goldenlayers_core.tasks.edit.many_edits import many_edits
from goldenlayers_core.tasks.edit.one_edit import edit, open_edit
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.edit.stored_many import open_many
from goldenlayers_core.tasks.questions import ManyEditsQuestion
from goldenlayers_core.tasks.serial import plain
from pages._shared import cached
from tests.pages.benches import words
from tests.pages.conftest import app_on
from tests.pages.driving import go, healthy, press, start, work_done
from tests.tiny import save_tiny

QUICK = {"steps": 2, "n_templates": 0}


@pytest.fixture(scope="module", autouse=True)
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One cache folder for the whole file; process-wide caches are new at its begin and end."""
    with app_on(tmp_path_factory.mktemp("take") / "cache") as folder:
        yield folder


@pytest.fixture(scope="module")
def bench(store_folder: Path) -> Workbench:
    """The workbench of the pages."""
    return cached.workbench()


@pytest.fixture(scope="module")
def tiny(bench: Workbench, store_folder: Path) -> ModelSource:
    """A tiny model, in memory."""
    source = ModelSource(str(save_tiny(store_folder.parent / "tiny")))
    bench.model(source)
    return source


@pytest.fixture(scope="module")
def pair(bench: Workbench, tiny: ModelSource) -> tuple[str, str]:
    """Two edits of it, at layers 0 and 2."""
    facts = (
        EditRequest("a", "The capital of France is", "France", "Rome", "Paris"),
        EditRequest("b", "The author of Hamlet is", "Hamlet", "Dante", "Shakespeare"),
    )
    runs = [
        edit(bench, EditQuestion(tiny, plain(f), "rome", at, QUICK), Progress())
        for f, at in zip(facts, (0, 2), strict=True)
    ]
    first, second = (open_report(bench.store, run).edit_id for run in runs)
    return first, second


def open_view(tiny: ModelSource, view: str, *edits: str) -> AppTest:
    """A session on Edit that looks at a view, with these edits on stack A."""
    stack = Stack(tuple(map(Entry, edits)))
    return start("edit", **{"chosen_model": tiny, "stack-A": stack, "edit-view": view})


def test_every_format_offers_what_it_can_hold(tiny: ModelSource, pair: tuple[str, str], bench: Workbench) -> None:
    one = open_view(tiny, "take", pair[0])
    assert len(one.get("download_button")) == 4
    assert not [w for w in one.warning if "holds only" in w.value]
    text = words(one)
    for title in (
        "Golden Layers file",
        "LoRA adapter",
        "Merged checkpoint",
        "EasyEdit hyperparameters",
        "Python script",
    ):
        assert f"**{title}**" in text
    both = open_view(tiny, "take", *pair)
    assert len(both.get("download_button")) == 3
    assert "describes one method at one layer" in both.warning[0].value.replace("\\", "")
    assert "stack A (2 edits)" in words(both)
    told = make_edit(
        bench.model(tiny),
        EditRequest("c", "Oslo is in", "Oslo", "Peru", "Norway"),
        "ice",
        [],
        {},
        prefix="Oslo: Peru. ",
    )
    bench.store.save_arrays("edits", told.edit_id, *to_arrays(told))
    memory = open_view(tiny, "take", pair[0], told.edit_id)
    refused = [w.value.replace("\\", "") for w in memory.warning]
    assert sum("holds only a change of weights" in sentence for sentence in refused) == 2
    assert len(memory.get("download_button")) == 2
    assert "nothing to take away" in open_view(tiny, "take").info[0].value


def test_a_checkpoint_is_written_into_the_cache_folder(
    tiny: ModelSource, pair: tuple[str, str], store_folder: Path
) -> None:
    app = open_view(tiny, "take", pair[0])
    name = next(box for box in app.text_input if (box.key or "").startswith("export-folder"))
    name.set_value("../my model").run()
    press(app, "export-write")
    work_done(app)
    healthy(app.run())
    assert (store_folder / "exports" / "mymodel" / "config.json").is_file()
    assert str(store_folder / "exports" / "mymodel") in app.success[0].value.replace("\\", "")
    press(app, "export-write")
    work_done(app)
    assert "is there already and not empty" in app.error[0].value.replace("\\", "")


@pytest.mark.parametrize("name", ["safetensors", "peft"])
def test_edits_come_back_onto_the_stack(name: str, tiny: ModelSource, pair: tuple[str, str], bench: Workbench) -> None:
    made = bundle(bench, tiny, pair[:1], name)
    app = open_view(tiny, "take")
    app.file_uploader(key="import-files").set_value([(made.name, made.data, made.mime)]).run()
    press(app, "import")
    assert app.session_state["stack-A"].edit_ids == pair[:1]
    assert "On stack A now: 1 edit" in app.success[0].value.replace("\\", "")
    assert len(app.get("download_button")) == 4  # and it can be taken away again


def test_a_file_of_another_model_says_what_differs_and_leaves_the_stack(
    tiny: ModelSource, pair: tuple[str, str], bench: Workbench, store_folder: Path
) -> None:
    file = export_to(
        bench.model(tiny), [open_edit(bench, pair[0])], "safetensors", store_folder.parent / "x.safetensors"
    )
    other = ModelSource(str(save_tiny(store_folder.parent / "other", seed=9)))
    bench.model(other)
    app = open_view(other, "take")
    app.file_uploader(key="import-files").set_value([(file.name, file.read_bytes(), "")]).run()
    press(app, "import")
    assert "architecture and shapes agree, but the weights are others" in app.error[0].value.replace("\\", "")
    assert "stack-A" not in app.session_state or not app.session_state["stack-A"].entries
    app.file_uploader(key="import-files").set_value([("x.safetensors", file.read_bytes()[:-5], "")]).run()
    press(app, "import")
    assert "not a whole safetensors file" in app.error[0].value.replace("\\", "")


def test_a_zip_has_one_folder_that_peft_loads(tiny: ModelSource, pair: tuple[str, str], bench: Workbench) -> None:
    made = bundle(bench, tiny, pair, "peft")
    with zipfile.ZipFile(io.BytesIO(made.data)) as archive:
        names = [Path(name) for name in archive.namelist()]
    assert {name.name for name in names} == {"adapter_config.json", "adapter_model.safetensors"}
    assert {name.parent.name for name in names} == {made.name.removesuffix(".zip")}


# ---- many edits


@pytest.fixture(scope="module")
def many(bench: Workbench, tiny: ModelSource) -> str:
    """A run of three requests of the bundled proxy split, each alone."""
    choice = DatasetChoice("bundled", "proxy", 3)
    return many_edits(bench, ManyEditsQuestion(tiny, choice, "rome", 1, QUICK), Progress())


def test_many_edits_start_from_the_page_and_show_every_request(bench: Workbench, tiny: ModelSource) -> None:
    app = open_view(tiny, "many")
    assert "No many edits are stored yet" in words(app)
    app.number_input(key="edit-rome-steps").set_value(2)
    app.number_input(key="edit-rome-n_templates").set_value(0)
    app.number_input(key="part-limit-bundled-proxy").set_value(2).run()
    assert app.segmented_control(key="many-mode-2").options == ["Each alone", "One after another"]  # ROME writes one
    app.segmented_control(key="many-mode-2").set_value("sequential").run()
    assert "one after another, as a growing stack" in words(app)
    press(app, "many-go")
    work_done(app)
    healthy(app.run())
    found = open_many(bench.store, app.session_state["many_run"])
    assert (found.n_requests, found.mode, found.method) == (2, "sequential", "rome")
    table = next(frame.value for frame in app.dataframe if "new answer" in frame.value)
    assert list(table["prompt"]) == [report.prompt for report in found.reports]
    press(app, "many-stack")
    assert app.session_state["stack-A"].edit_ids == found.edit_ids


def test_failures_can_be_filtered_and_a_request_opened_in_the_bench(
    bench: Workbench, tiny: ModelSource, many: str
) -> None:
    found = open_many(bench.store, many)
    app = start("edit", **{"chosen_model": tiny, "edit-view": "many", "many_run": many})
    metrics = {metric.label: metric.value for metric in app.metric}
    assert set(metrics) == {*(f"{rate.kind.capitalize()}, as wished" for rate in found.rates), "Weight change"}
    assert "3 requests of bundled (proxy split), first 3" in words(app)
    failed = [i for i, report in enumerate(found.reports) if not report.took]
    app.segmented_control(key="many-filter").set_value("failed").run()
    if failed:
        table = next(frame.value for frame in app.dataframe if "new answer" in frame.value)
        assert list(table["request"]) == [i + 1 for i in failed]
        assert set(table["took"]) == {"✗"}
    app.segmented_control(key="many-filter").set_value("all").run()
    app.selectbox(key=f"many-request-{many}").select_index(1).run()
    shown = "\n".join(html.proto.body for html in app.get("html"))
    assert found.reports[1].outcomes[-1].prompt.replace("'", "&#x27;") in shown
    assert found.reports[1].verdict in words(app)
    press(app, "many-open")
    work_done(app)
    report = open_report(bench.store, app.session_state["edit_run"])
    assert (report.prompt, report.layer) == (found.reports[1].prompt, 1)
    assert report.verdict == found.reports[1].verdict  # the same edit again


def test_a_run_of_many_edits_opens_from_runs(tiny: ModelSource, many: str) -> None:
    app = start("runs", chosen_model=tiny)
    press(app, f"open-runs-{many}")
    assert app.session_state["many_run"] == many
    assert app.session_state["edit-view"] == "many"
    assert any("new answer" in frame.value for frame in go(app, "edit").dataframe)
