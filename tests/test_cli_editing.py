"""The commands that edit, take away and bring back, in this process: what they print, what they refuse."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goldenlayers_core.__main__ import app
from goldenlayers_core.commands.edit import layer_number
from goldenlayers_core.commands.sweep import layer_numbers
from goldenlayers_core.errors import ConfigError, GoldenLayersError
from tests.tiny import save_tiny


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny model."""
    return str(save_tiny(tmp_path_factory.mktemp("cli") / "tiny"))


def run(*args: str) -> str:
    """What a command prints for a person."""
    done = CliRunner().invoke(app, list(args), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def answer(*args: str) -> dict:
    """What a command prints with --json."""
    found: dict = json.loads(run(*args, "--json"))
    return found


@pytest.mark.parametrize("layer", ["²", "①", "five", "-1", "1.5", ""])
def test_a_layer_that_is_no_number_is_one_sentence(layer: str) -> None:
    with pytest.raises(ConfigError, match=r"is no layer; give auto or a whole number from 0\.$"):
        layer_number(layer)
    with pytest.raises(ConfigError, match=r"is no layer; give all, or whole numbers with commas"):
        layer_numbers(f"0,{layer}")


def test_edits_are_taken_away_and_brought_back(folder, cache, tmp_path, monkeypatch):
    fact = ("--prompt", "The capital of France is", "--subject", "France", "--target-new", "Rome", "--model", folder)
    files = [str(tmp_path / f"{layer}.safetensors") for layer in (0, 2)]
    for layer, file in zip((0, 2), files, strict=True):
        answer("edit", *fact, "--layer", str(layer), "--out", file)
    stack = ("--model", folder, "--edit", files[0], "--edit", files[1])
    for name, out in (("safetensors", "s.safetensors"), ("peft", "adapter"), ("merged", "model"), ("snippet", "s.py")):
        told = answer("export", *stack, "--format", name, "--out", str(tmp_path / out))
        assert (told["format"], told["path"]) == (name, str(tmp_path / out))
        assert told["bytes"] > 1000
        assert [e["layers"] for e in told["edits"]] == [[0], [2]]
    assert (tmp_path / "model" / "config.json").is_file()
    one = ("--model", folder, "--edit", files[1], "--format", "easyedit", "--out", str(tmp_path / "rome.yaml"))
    assert "EasyEdit hyperparameters: 1 edit of tiny" in run("export", *one)
    assert "layers: [2]" in (tmp_path / "rome.yaml").read_text()
    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(tmp_path / "elsewhere"))
    back = answer("import", "--file", str(tmp_path / "s.safetensors"), "--model", folder)["edits"]
    assert [e["edit_id"] for e in back] == [e["edit_id"] for e in told["edits"]]
    assert all(e["run_id"].startswith("edit-") for e in back)
    lines = run("import", "--file", str(tmp_path / "adapter"), "--model", folder)
    assert "The capital of France is → Rome and 1 more" in lines
    with pytest.raises(GoldenLayersError, match="architecture and shapes agree, but the weights are others"):
        run("import", "--file", files[0], "--model", str(tmp_path / "model"))


def test_edit_many_asks_every_probe_and_computes_nothing_twice(folder, cache, tmp_path):
    args = (
        "edit-many",
        "--model",
        folder,
        "--limit",
        "3",
        "--layer",
        "1",
        "--set",
        "steps=2",
        "--set",
        "n_templates=0",
    )
    found = answer(*args)
    assert (found["n_requests"], found["n_computed"], found["mode"], found["layer"]) == (3, 3, "alone", 1)
    for rate in found["rates"]:
        own = [[p["success"] for p in r["probes"] if p["kind"] == rate["kind"]] for r in found["requests"]]
        assert rate["good"] == sum(map(sum, own))
        assert (rate["n_probes"], rate["n_requests"]) == (sum(map(len, own)), sum(map(bool, own)))
        assert rate["mean"] == pytest.approx(sum(sum(o) / len(o) for o in own if o) / rate["n_requests"])
    assert {rate["kind"] for rate in found["rates"]} == {"rewrite", "rephrase", "locality", "portability"}
    again = answer(*args)
    assert (again["n_computed"], again["seconds_per_edit"]) == (0, None)
    assert again["requests"] == found["requests"]
    out = tmp_path / "stack.safetensors"
    stack = answer(*args, "--mode", "sequential", "--out", str(out))
    back = answer("import", "--file", str(out), "--model", folder)["edits"]
    assert [e["edit_id"] for e in back] == stack["edit_ids"]
    assert len(stack["edit_ids"]) == 3
    assert "3 requests of bundled, first 3: ROME at layer 1" in run(*args)


def test_a_merged_checkpoint_says_what_rounding_left_and_what_it_answers(folder, cache, tmp_path):
    fact = ("--prompt", "The capital of France is", "--subject", "France", "--target-new", "Rome", "--model", folder)
    half = ("--dtype", "bfloat16")
    file = str(tmp_path / "edit.safetensors")
    answer("edit", *fact, *half, "--layer", "1", "--set", "steps=4", "--out", file)
    to = ("export", "--model", folder, *half, "--edit", file, "--format", "merged", "--out")
    merge = answer(*to, str(tmp_path / "half"))["merge"]
    assert merge["dtype"] == "bfloat16"
    (matrix,) = merge["matrices"]
    assert matrix["layer"] == 1
    assert 0.5 < matrix["aligned"] < 1.5
    assert abs(matrix["aligned"] - 1) > 1e-6  # something was rounded
    (said,) = merge["answers"]
    assert (said["prompt"], said["target_new"]) == ("The capital of France is", "Rome")
    again = answer("edit", *fact[:-1], str(tmp_path / "half"), *half, "--layer", "1", "--set", "steps=1")
    assert said["merged"] == again["before"]["answer"]  # what the checkpoint says, read back by anyone
    told = (tmp_path / "half" / "README.md").read_text(encoding="utf-8")
    assert "- The capital of France is → Rome" in told
    assert "of the change is there in its own direction after rounding to bfloat16" in told
    whole = answer(*to, str(tmp_path / "whole"), "--merge-dtype", "float32")["merge"]
    assert whole["dtype"] == "float32"
    assert whole["matrices"][0]["aligned"] == pytest.approx(1, abs=1e-4)
    lines = run(*to, str(tmp_path / "once more"))
    assert "of the change is there in its own direction after rounding to bfloat16" in lines
    assert "read back from the folder" in lines
    with pytest.raises(GoldenLayersError, match="has no dtype to choose"):
        run(*to[:-2], "peft", "--out", str(tmp_path / "adapter"), "--merge-dtype", "float32")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("export", "--edit", "/no/such/edit", "--out", "x"), "cannot be read"),
        (("export", "--edit", __file__, "--out", "x"), "is not a whole safetensors file"),
        (("export", "--edit", __file__, "--out", "x", "--format", "onnx"), "choose one of safetensors, peft"),
        (("edit-many", "--model", "MODEL", "--mode", "together"), "ROME writes one fact at a time"),
        (("edit-many", "--limit", "1", "--out", "x"), "make no stack to write"),
        (("edit-many", "--set", "speed=3"), "give name=value with one of steps, "),
        (("edit-many", "--set", "steps=fast"), "give a whole number"),
        (("edit-many", "--set", "direct_steps=perhaps"), "give true or false"),
        (("edit-many", "--set", "kl_factor=much"), "give a number"),
        (("import", "--file", "/no/such/edit", "--model", "MODEL"), "cannot be read"),
        (("import", "--file", __file__, "--model", "MODEL"), "holds 0 safetensors files"),
    ],
)
def test_mistakes_are_one_sentence(args, words, folder, cache):
    given = [folder if arg == "MODEL" else arg for arg in args]
    with pytest.raises(GoldenLayersError) as caught:
        CliRunner().invoke(app, given, catch_exceptions=False)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not cache.exists() or not list(cache.rglob("*.safetensors"))
