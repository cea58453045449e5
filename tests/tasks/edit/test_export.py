"""Edits from the store to files and back, on the bundled model where plain transformers and peft judge them."""

import dataclasses
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from goldenlayers_core.editing import get_method, methods, overlay, to_arrays
from goldenlayers_core.editing.delta import make_edit
from goldenlayers_core.editing.export.adapter import CONFIG, WEIGHTS
from goldenlayers_core.errors import ConfigError, EditError, GoldenLayersError, StoreError
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import EditQuestion, Workbench, open_workbench
from goldenlayers_core.tasks.edit.export import bundle, export_cards, export_to, open_edits, stem_of
from goldenlayers_core.tasks.edit.import_edits import MOST_BYTES, import_edits, read_path
from goldenlayers_core.tasks.edit.one_edit import edit, open_edit
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.questions import ExportQuestion
from goldenlayers_core.tasks.serial import plain
from tests.editing.test_export import script_of
from tests.lending import lend_models
from tests.tiny import save_tiny

BUNDLED = ModelSource()
QUICK = {"steps": 8, "n_templates": 0}
FACTS = (
    EditRequest("france", "The capital of France is", "France", "Rome", "Paris"),
    EditRequest("hamlet", "The author of Hamlet is", "Hamlet", "Dante", "Shakespeare"),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench with the bundled model and two edits of it, at layers 5 and 8."""
    made = open_workbench(lend_models(tmp_path_factory.mktemp("exporting") / "cache"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def pair(shared: Workbench) -> tuple[str, ...]:
    """Ids of the two edits."""
    questions = [EditQuestion(BUNDLED, plain(fact), "rome", at, QUICK) for fact, at in zip(FACTS, (5, 8), strict=True)]
    return tuple(open_report(shared.store, edit(shared, q, Progress())).edit_id for q in questions)


def said(model: object, prompt: str = FACTS[0].prompt, tokenizer: object = None) -> torch.Tensor:
    """Logits of a prompt."""
    ids = tokenizer(prompt, return_tensors="pt")["input_ids"]  # type: ignore[operator]
    with torch.no_grad():
        logits: torch.Tensor = model(input_ids=ids).logits  # type: ignore[operator]
    return logits


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")  # peft asks for the old name
def test_peft_and_the_merged_checkpoint_agree_with_the_overlay(
    shared: Workbench, pair: tuple[str, ...], tmp_path: Path
) -> None:
    handle = shared.model(BUNDLED)
    edits, digest = [open_edit(shared, edit_id) for edit_id in pair], weights_digest(handle.model)
    folder = Path(handle.model.config._name_or_path)
    with handle.lock, overlay(handle, edits):
        wanted = said(handle.model, tokenizer=handle.tokenizer)
    assert (wanted - said(handle.model, tokenizer=handle.tokenizer)).abs().max() > 1
    adapter = export_to(handle, edits, "peft", tmp_path / "adapter")
    plain_model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    judged = PeftModel.from_pretrained(plain_model, adapter).eval()
    torch.testing.assert_close(said(judged, tokenizer=handle.tokenizer), wanted, rtol=1e-4, atol=1e-4)
    question = ExportQuestion(BUNDLED, pair, "merged", str(tmp_path / "merged"))
    job = shared.submit(question, "Merging")
    assert shared.queue_of(job).wait(job, 120).result == str(tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "merged")
    torch.testing.assert_close(said(merged, tokenizer=tokenizer), wanted, rtol=1e-3, atol=1e-3)
    assert merged.lm_head.weight.data_ptr() == merged.model.embed_tokens.weight.data_ptr()  # still tied
    assert weights_digest(handle.model) == digest
    assert not list(tmp_path.glob(".*"))
    with pytest.raises(EditError, match="is there already and not empty"):
        export_to(handle, edits, "merged", tmp_path / "merged")


def test_what_a_killed_export_left_goes_with_the_next_one(
    shared: Workbench, pair: tuple[str, ...], tmp_path: Path
) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()  # nobody has its number now
    left = tmp_path / f".making-{process.pid}-half"
    left.mkdir()
    (left / "model.safetensors").write_bytes(b"half of it")
    out = export_to(shared.model(BUNDLED), [open_edit(shared, pair[0])], "peft", tmp_path / "adapter")
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]
    (tmp_path / "plain").mkdir()
    assert out.stat().st_mode == (tmp_path / "plain").stat().st_mode  # as readable as any folder


def test_the_script_runs_alone_and_says_before_and_after(
    shared: Workbench, pair: tuple[str, ...], tmp_path: Path
) -> None:
    made = bundle(shared, BUNDLED, pair, "snippet")
    assert (made.name, made.mime) == ("2-edits.py", "text/plain")
    file = tmp_path / made.name
    file.write_bytes(made.data)
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(file)], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    first = lines.index("The capital of France is -> Rome")
    assert "Paris" in lines[first + 1]
    after = open_report(shared.store, f"edit-{pair[0][:16]}").after.answer
    assert "Careful" not in done.stdout
    assert len(lines) == 6
    assert after.split()[0].strip(".,'\"") in lines[first + 2]


def test_every_edit_comes_back_as_it_was_with_a_report(
    shared: Workbench, pair: tuple[str, ...], tmp_path: Path
) -> None:
    handle = shared.model(BUNDLED)
    edits = [open_edit(shared, edit_id) for edit_id in pair]
    file = export_to(handle, edits, "safetensors", tmp_path / "stack.safetensors")
    assert open_edits(file) == tuple(edits)
    elsewhere = open_workbench(lend_models(tmp_path / "elsewhere"))
    found = import_edits(elsewhere, BUNDLED, read_path(file), file.name, Progress())
    assert [row.edit_id for row in found] == list(pair)
    assert [row.layers for row in found] == [(5,), (8,)]
    report = open_report(elsewhere.store, found[0].run_id)
    here = open_report(shared.store, f"edit-{pair[0][:16]}")
    assert (report.verdict, report.edit_id) == (here.verdict, here.edit_id)
    assert report.layer_evidence == "imported from stack.safetensors"
    assert (found[0].before, found[0].after) == (here.before.answer, here.after.answer)
    elsewhere.close()
    kept = import_edits(shared, BUNDLED, read_path(file), file.name, Progress())
    assert kept[0].run_id == f"edit-{pair[0][:16]}"
    assert open_report(shared.store, kept[0].run_id).layer_evidence == here.layer_evidence  # what was measured stays


def test_an_adapter_comes_back_from_its_folder_and_from_a_zip(
    shared: Workbench, pair: tuple[str, ...], tmp_path: Path
) -> None:
    folder = export_to(shared.model(BUNDLED), [open_edit(shared, pair[0])], "peft", tmp_path / "adapter")
    assert set(read_path(folder)) == {CONFIG, WEIGHTS}
    (found,) = import_edits(shared, BUNDLED, read_path(folder), "adapter", Progress())
    assert found.edit_id == pair[0]
    zipped = bundle(shared, BUNDLED, pair[:1], "peft")
    assert zipped.name == "france-rome-peft.zip"
    (again,) = import_edits(shared, BUNDLED, {zipped.name: zipped.data}, zipped.name, Progress())
    assert again.edit_id == pair[0]


def test_cards_say_what_a_format_cannot_hold(shared: Workbench, pair: tuple[str, ...]) -> None:
    handle = shared.model(BUNDLED)
    request = EditRequest("text", "The capital of France is", "France", "Rome", "Paris")
    told = make_edit(handle, request, "in-context", [], {}, prefix="The capital of France is Rome. ")
    shared.store.save_arrays("edits", told.edit_id, *to_arrays(told))
    cards = {card.name: card for card in export_cards(shared, BUNDLED, (pair[0], told.edit_id))}
    assert {name for name, card in cards.items() if card.refusal} == {"peft", "merged", "easyedit"}
    assert "is a text before every prompt" in cards["peft"].refusal
    assert {card.name for card in export_cards(shared, BUNDLED, pair) if card.refusal} == {"easyedit"}  # two layers
    assert not [card.refusal for card in export_cards(shared, BUNDLED, pair[:1]) if card.refusal]
    assert [card.name for card in cards.values() if card.is_written] == ["merged"]
    with pytest.raises(EditError, match="written into a folder, not downloaded"):
        bundle(shared, BUNDLED, pair, "merged")
    assert stem_of([told]) == "france-rome"


def test_what_cannot_be_imported_is_one_sentence(bench: Workbench, tiny: ModelSource, tmp_path: Path) -> None:
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("a/note.txt", "nothing")
    cut = bad.read_bytes()[:-10]
    many = {"a.safetensors": b"1", "b.safetensors": b"2"}
    for files, words in (
        (read_path(bad), "holds 0 safetensors files where one of edits is needed"),
        ({"x.safetensors": cut}, "not a whole safetensors file"),
        (many, "holds 2 safetensors files"),
        ({"pytorch_model.bin": b"x"}, "is pickled, which can run code"),
    ):
        with pytest.raises(EditError, match=words):
            import_edits(bench, tiny, files, "it", Progress())
    assert bench.store.names("edits") == ()
    with pytest.raises(EditError, match="cannot be read"):
        read_path(tmp_path / "missing")
    huge = tmp_path / "huge.safetensors"
    with huge.open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)
    with pytest.raises(EditError, match="which no edit is"):
        read_path(huge)


def test_nothing_is_left_half_written(bench: Workbench, tiny: ModelSource, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    question = EditQuestion(tiny, plain(FACTS[0]), "rome", 1, {"steps": 2, "n_templates": 0})
    edits = [open_edit(bench, open_report(bench.store, edit(bench, question, Progress())).edit_id)]
    handle = bench.model(tiny)

    def refuse(*_args: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    before = set(tmp_path.rglob("*"))
    with monkeypatch.context() as full:
        full.setattr("os.replace", refuse)
        for name in ("merged", "peft", "safetensors", "easyedit", "snippet"):
            with pytest.raises(GoldenLayersError, match="The disk is full"):
                export_to(handle, edits, name, tmp_path / "out" / name)
    assert {path for path in set(tmp_path.rglob("*")) - before if path.is_file()} == set()
    with monkeypatch.context() as full:
        full.setattr("shutil.disk_usage", lambda _path: type("Usage", (), {"free": 1000})())
        with pytest.raises(EditError, match="free some space"):
            export_to(handle, edits, "merged", tmp_path / "out" / "merged")
    assert not (tmp_path / "out" / "merged").exists()
    with pytest.raises(ConfigError, match="choose one of safetensors"):
        export_to(handle, edits, "onnx", tmp_path / "x")
    with pytest.raises(StoreError):
        bundle(bench, tiny, ("0" * 32,), "peft")


def test_an_edit_of_another_model_says_what_differs(
    shared: Workbench, pair: tuple[str, ...], bench: Workbench, tmp_path: Path
) -> None:
    file = export_to(shared.model(BUNDLED), [open_edit(shared, pair[0])], "safetensors", tmp_path)
    assert file.name == "france-rome.safetensors"  # a folder was given
    other = ModelSource(str(save_tiny(tmp_path / "gpt2", "gpt2")))
    with pytest.raises(EditError) as caught:
        import_edits(bench, other, read_path(file), file.name, Progress())
    assert "its family is llama and here it is gpt2; it has 30 layers and here there are 3" in str(caught.value)
    assert bench.store.names("edits") == ()


def quick_settings(name: str) -> dict[str, object]:
    """The shortest settings of a method."""
    fields = {field.name: field for field in dataclasses.fields(get_method(name).config_class)}
    wanted = {"steps": 2, "n_templates": 0, "covariance": "identity"}
    options = {key: fields[key].metadata.get("options") or (wanted[key],) for key in wanted if key in fields}
    return {key: wanted[key] for key in options if wanted[key] in options[key]}


@pytest.mark.parametrize("name", [m.name for m in methods() if m.name != "alphaedit"])  # it needs an estimate
def test_edits_of_every_method_are_taken_away_as_they_are(
    name: str, bench: Workbench, tiny: ModelSource, tmp_path: Path
) -> None:
    question = EditQuestion(tiny, plain(FACTS[0]), name, 1, quick_settings(name))
    edit_id = open_report(bench.store, edit(bench, question, Progress())).edit_id
    handle, made = bench.model(tiny), open_edit(bench, edit_id)
    prompt = made.prefix + FACTS[0].prompt
    with handle.lock, overlay(handle, [made]):
        wanted = said(handle.model, prompt, handle.tokenizer)
    cards = {card.name: not card.refusal for card in export_cards(bench, tiny, (edit_id,))}
    plain_change = get_method(name).kind == "weights"
    assert cards == {
        "safetensors": True,
        "peft": plain_change,
        "merged": plain_change,
        "easyedit": name != "ice",
        "snippet": True,
    }
    file = export_to(handle, [made], "safetensors", tmp_path / "edit.safetensors")
    assert open_edits(file) == (made,)
    script = script_of(export_to(handle, [made], "snippet", tmp_path / "edits.py").parent)
    found, header = script.read_edits()
    model = AutoModelForCausalLM.from_pretrained(tiny.source, dtype=torch.float32).eval()
    with script.laid_over(model, found, header):
        torch.testing.assert_close(said(model, prompt, handle.tokenizer), wanted, rtol=1e-4, atol=1e-4)
    if plain_change:
        merged = export_to(handle, [made], "merged", tmp_path / "merged")
        model = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32).eval()
        torch.testing.assert_close(said(model, prompt, handle.tokenizer), wanted, rtol=1e-4, atol=1e-4)
