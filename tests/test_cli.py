"""The command line as a person runs it, on the real bundled model or a tiny one, with the store that the app uses.

One command of each family runs in a process of its own; what else it prints and refuses is seen in this process, by the
same `main`: a process of its own spends four seconds on importing.
"""

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from goldenlayers_core.__main__ import main
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks.questions import SearchQuestion
from goldenlayers_core.tasks.truth.stored_search import save_search
from tests.made_up import made_search
from tests.tiny import save_tiny

ROOT = Path(__file__).parents[1]
Done = subprocess.CompletedProcess[str]


def process(*args: str, cache: Path | None = None) -> Done:
    """A command in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **({"GOLDENLAYERS_CACHE": str(cache)} if cache else {})}
    return subprocess.run(
        [sys.executable, "-m", "goldenlayers_core", *args], env=env, capture_output=True, text=True, timeout=600
    )


def run(*args: str, cache: Path | None = None) -> Done:
    """The same in this process."""
    out, err, level = io.StringIO(), io.StringIO(), logging.getLogger("transformers").level
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["goldenlayers_core", *args])
        if cache:
            patch.setenv("GOLDENLAYERS_CACHE", str(cache))
        try:
            status = main()
        except SystemExit as end:  # as typer ends a command that has said all
            status = end.code or 0
    logging.getLogger("transformers").setLevel(level)
    return Done(args, status, out.getvalue(), err.getvalue())


def answer(*args: str, cache: Path | None = None, by=run) -> dict:
    """What a command prints with --json."""
    done = by(*args, "--json", cache=cache)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("cli")
    return str(save_tiny(folder / "tiny")), folder / "cache"


def test_score_prints_the_contract():
    found = answer("score", "--model", "bundled", "--dataset", "bundled", "--limit", "3", by=process)
    assert found["n_requests"] == 3
    assert found["scope"] == "mlp"
    assert [entry["layer"] for entry in found["layers"]] == list(range(30))
    assert found["golden_layer"] == found["ranking"][0]
    assert not set(found["ranking"]) & set(found["outliers"])
    assert len(found["ranking"]) + len(found["outliers"]) == 30
    for layer, entry in enumerate(found["layers"]):
        assert entry["score"] == pytest.approx(sum(r["scores"][layer] for r in found["requests"]))
    for request in found["requests"]:
        assert request["scores"][request["best_layer"]] == max(request["scores"])
    assert 0 < found["stability"]["golden_layer_share"] <= 1
    assert found["stability"]["n_resamples"] == 1000
    assert found["seconds"] > 0
    again = answer("score", "--model", "bundled", "--dataset", "bundled", "--limit", "3")
    assert again["layers"] == found["layers"]


def test_score_prints_the_pick_of_the_other_reading():
    args = ("score", "--model", "bundled", "--dataset", "bundled", "--limit", "3")
    answer_, sequence = (answer(*args, "--loss-on", loss_on) for loss_on in ("answer", "sequence"))
    assert (answer_["loss_on"], sequence["loss_on"]) == ("answer", "sequence")
    assert answer_["run"] != sequence["run"]
    for mine, theirs in ((answer_, sequence), (sequence, answer_)):
        other = mine["other_reading"]
        assert other == {name: theirs[name] for name in other}
        assert {"loss_on", "golden_layer", "ranking", "outliers", "layers", "stability"} == set(other)
    assert answer_["layers"] != sequence["layers"]
    assert answer(*args)["run"] == sequence["run"]  # what is asked without a word
    assert answer_["other_estimates"] == sequence["other_estimates"]  # of the same passes
    names = ["reversed-answer", "reversed-sequence", "norm", "mean-abs", "earlier"]
    assert [one["name"] for one in answer_["other_estimates"]] == names
    reversed_ = answer_["other_estimates"][0]
    assert [-entry["score"] for entry in reversed_["layers"]] == [entry["score"] for entry in answer_["layers"]]
    assert reversed_["golden_layer"] == reversed_["within_fences"]
    assert answer_["other_estimates"][-1]["golden_layer"] == 0
    told = answer_["robustness"]
    assert told == sequence["robustness"] | {"picks": told["picks"]}
    assert len(told["picks"]) == 4 * 12  # scopes
    usual = {"loss_on": "answer", "scope": "mlp", "over_tokens": "mean", "fences": "linear"}
    assert usual | {"golden_layer": answer_["golden_layer"]} in told["picks"]
    done = run("score", "--limit", "3", "--loss-on", "sequence")
    assert told["sentence"] in done.stdout
    assert f"gradient norm {answer_['other_estimates'][2]['golden_layer']}, " in done.stdout
    assert f"with the loss on the answer: {answer_['golden_layer']} " in done.stdout
    wrong = run("score", "--loss-on", "prompt")
    assert wrong.returncode == 2
    assert "choose one of sequence, answer" in wrong.stderr


def test_score_by_edit_aware_analysis_prints_the_same_contract_with_its_parts():
    args = ("score", "--model", "bundled", "--dataset", "bundled", "--limit", "2", "--method", "edit-aware")
    found = answer(*args)
    assert (found["method"], found["n_requests"], found["outliers"]) == ("edit-aware", 2, [])
    assert found["golden_layer"] == found["ranking"][0]
    assert sorted(found["ranking"]) == list(range(30))
    for layer, entry in enumerate(found["layers"]):
        assert entry["score"] == pytest.approx(sum(r["scores"][layer] for r in found["requests"]) / 2)
        assert 0 <= entry["score"] <= 1
    assert [part["name"] for part in found["parts"]] == ["feasible", "spread", "harm", "portability"]
    for part in found["parts"]:
        assert part["definition"]
        assert [len(part["layers"]), *map(len, part["requests"])] == [30, 30, 30]
    assert answer("score", "--limit", "2")["method"] == "lga"


def test_scores_of_edits_with_a_key_covariance_say_which_and_lga_has_none(tmp_path):
    args = ("score", "--model", str(save_tiny(tmp_path / "tiny")), "--limit", "2", "--method", "damage")
    plain = answer(*args, cache=tmp_path / "cache")
    found = answer(*args, "--covariance", "samples", cache=tmp_path / "cache")
    assert plain["covariance"] is None
    assert "own samples" in found["covariance"]
    assert found["run"] != plain["run"]
    done = run(*args, "--covariance", "samples", cache=tmp_path / "cache")
    assert f"for edits with the key covariance of {found['covariance']}" in done.stdout
    wrong = run("score", "--limit", "2", "--covariance", "samples")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "LGA predicts no edits" in wrong.stderr


def test_edit_prints_the_contract(tmp_path):
    out = tmp_path / "edit.safetensors"
    found = answer(
        *("edit", "--prompt", "The capital of France is", "--subject", "France"),
        *("--target-new", "Rome", "--layer", "4", "--out", str(out)),
        by=process,
    )
    assert (found["layer"], found["method"]) == (4, "rome")
    assert found["before"]["answer"].startswith("Paris")
    assert found["after"]["answer"].startswith("Rome")
    assert found["after"]["target_new_probability"] > 0.5 > found["before"]["target_new_probability"]
    assert found["after"]["target_true_probability"] < found["before"]["target_true_probability"]
    assert len(found["after"]["top_tokens"]) == 10
    assert found["verdict"]
    assert found["seconds"] > 0
    assert out.stat().st_size < 50_000


def test_trace_prints_the_mean_of_its_requests():
    args = ("trace", "--limit", "2", "--samples", "2", "--positions", "subject", "--window", "1")
    found = answer(*args, by=process)
    assert (found["n_requests"], found["kind"], found["window"]) == (2, "mlp", 1)
    assert [entry["layer"] for entry in found["layers"]] == list(range(30))
    for layer, entry in enumerate(found["layers"]):
        assert entry["effect"] == pytest.approx(sum(r["effects"][layer] for r in found["requests"]) / 2)
        assert entry["low"] <= entry["effect"] + 1e-12
        assert entry["effect"] <= entry["high"] + 1e-12
    effects = [entry["effect"] for entry in found["layers"]]
    assert found["golden_layer"] == effects.index(max(effects))
    assert found["p_clean"] > found["p_corrupt"]
    counts = {entry["position"]: entry["n_requests"] for entry in found["positions"]}
    assert counts == {name: 2 * (name == "last subject token") for name in counts}
    assert answer(*args)["layers"] == found["layers"]
    lines = run(*args).stdout.splitlines()
    assert any(line.startswith(f"golden layer by causal tracing: {found['golden_layer']} ") for line in lines)


def test_evaluate_reads_a_saved_edit_on_a_dataset(tmp_path):
    out = str(tmp_path / "edit.safetensors")
    fact = ("--prompt", "The capital of France is", "--subject", "France", "--target-new", "Warsaw")
    answer("edit", *fact, "--layer", "5", "--out", out)
    found = answer("evaluate", "--edit", out, "--limit", "2")
    assert found["edited_case"] == "capital-001"  # it is in the bundled dataset
    rates = {(rate["group"], rate["kind"]): rate for rate in found["rates"]}
    rewrite = rates["edited", "rewrite"]
    assert (rewrite["before"], rewrite["after"], rewrite["n_judged"]) == (0, 1, 1)
    assert {kind for group, kind in rates if group == "edited"} == {"rewrite", "rephrase", "locality", "portability"}
    assert 0 <= found["locality"]["unchanged"] <= found["locality"]["n_probes"]
    assert found["perplexity"]["before"] > 1
    assert found["fluency_bits"]["after"] > 0


def test_evaluate_tells_a_person_the_same(tiny, tmp_path):
    folder, cache, out = tiny[0], tmp_path / "cache", str(tmp_path / "edit.safetensors")
    fact = ("--prompt", "The capital of France is", "--subject", "France", "--target-new", "Warsaw")
    answer("edit", "--model", folder, *fact, "--layer", "1", "--out", out, cache=cache)
    args = ("evaluate", "--model", folder, "--edit", out, "--limit", "1")
    rates, lines = answer(*args, cache=cache)["rates"], run(*args, cache=cache).stdout
    for rate in rates:
        (line,) = [x for x in lines.splitlines() if x.split()[:2] == [rate["group"], rate["kind"]]]
        assert f"{rate['after']} of {rate['n_judged']}" in line or not rate["n_judged"]
    assert "perplexity of a fixed text" in lines


def test_sweep_prints_the_contract_and_computes_nothing_twice(tiny, tmp_path):
    folder, cache = tiny[0], tmp_path / "cache"
    args = ("sweep", "--model", folder, "--limit", "2", "--layers", "2,0", "--steps", "2", "--templates", "0")
    args = (*args, "--no-estimates")
    found = answer(*args, cache=cache, by=process)
    assert [entry["layer"] for entry in found["layers"]] == [0, 2]
    assert found["golden_layer"] in (0, 2)
    for place, entry in enumerate(found["layers"]):
        assert entry["score"] == pytest.approx(sum(r["scores"][place] for r in found["requests"]) / 2)
        assert set(entry) == {"layer", "rewrite", "rephrase", "locality", "portability", "score"}
    for request in found["requests"]:
        best = max(request["scores"])
        assert request["oracle_layers"] == [
            x for x, score in zip((0, 2), request["scores"], strict=True) if score == best
        ]
    estimates = {"lga", "edit_aware", "line_check", "damage", "causal_trace"}
    assert set(found["regret"]) == {"golden", *estimates, "literature_default", "middle"}
    assert found["regret"]["golden"] >= 0
    assert (found["regret"]["lga"], found["picks"]["middle"], found["regret"]["middle"]) == (None, 1, None)
    assert found["seconds_per_edit"] > 0
    again = answer(*args, cache=cache)
    assert (again["n_computed"], found["n_computed"]) == (0, 4)
    assert again["layers"] == found["layers"]
    lines = run(*args, cache=cache).stdout.splitlines()
    assert any(
        line.startswith(f"Too few to tell: layer {found['golden_layer']} is ahead so far: only 2 requests were swept")
        for line in lines
    )


def test_sweep_prints_the_pick_of_every_estimate_with_its_regret_or_why_there_is_none(tiny, tmp_path):
    args = ("sweep", "--model", tiny[0], "--limit", "3", "--steps", "2", "--templates", "0")
    found = answer(*args, cache=tmp_path / "cache")
    for key in ("golden", "lga", "edit_aware", "line_check", "damage", "causal_trace", "middle"):
        assert found["picks"][key] in (0, 1, 2), key
        low, high = found["regret_intervals"][key]
        assert low <= found["regret"][key] <= high
    assert set(found["reasons"]) == {"literature_default"}
    assert "this model has 3" in found["reasons"]["literature_default"]
    lines = run(*args, cache=tmp_path / "cache").stdout
    estimates = ("Edit-aware analysis", "Line check", "Damage to general text", "Layer Gradient Analysis")
    for title in (*estimates, "Causal tracing", "Middle layer"):
        (line,) = (each for each in lines.splitlines() if each.strip().startswith(title))
        assert re.search(r"\d  \d\.\d+ \(\d\.\d+ to \d\.\d+\)$", line), line
    skipped = answer(*args, "--no-estimates", cache=tmp_path / "other")
    assert skipped["picks"]["lga"] is None
    assert skipped["reasons"]["lga"] == "not computed: --no-estimates"


def test_sweep_and_search_take_any_setting_of_the_method_and_say_which_edits_they_made(tiny, tmp_path):
    how = ("--model", tiny[0], "--limit", "2", "--steps", "2", "--set", "n_templates=0", "--set", "covariance=samples")
    found = answer("sweep", *how, "--no-estimates", cache=tmp_path)
    assert (found["method"], found["edits"]) == ("rome", "ROME edits with a key covariance")
    assert (
        "ROME edits with a key covariance of 2 requests" in run("sweep", *how, "--no-estimates", cache=tmp_path).stdout
    )
    searched = answer("search", *how, "--seconds", "60", cache=tmp_path)
    assert (searched["edits"], searched["n_computed"]) == (found["edits"], 0)  # of the very same edits
    assert answer("sweep", *how[:6], "--templates", "0", "--no-estimates", cache=tmp_path)["edits"] == "ROME edits"
    for command in ("sweep", "search"):
        wrong = run(command, *how, "--set", "covariance=guess", cache=tmp_path)
        assert (wrong.returncode, wrong.stdout) == (2, "")
        assert "identity, samples, text" in wrong.stderr


def test_an_estimate_that_cannot_be_had_says_why(tiny, tmp_path):
    table = tmp_path / "facts.csv"
    table.write_text("prompt,subject,target_new\nThe capital of France is,France,Rome\n")
    args = ("sweep", "--model", tiny[0], "--dataset", str(table), "--layers", "0,1", "--steps", "1")
    found = answer(*args, "--templates", "0", cache=tmp_path / "cache")
    assert found["picks"]["lga"] is None
    assert found["reasons"]["lga"].startswith("cannot be computed: None of the 1 requests can be scored.")
    assert found["picks"]["edit_aware"] in (0, 1, 2)


def test_search_prints_the_contract_and_takes_from_the_store(tiny, tmp_path):
    cache = tmp_path / "cache"
    args = ("search", "--model", tiny[0], "--limit", "4", "--seconds", "120", "--steps", "2", "--templates", "0")
    found = answer(*args, "--seed", "3", cache=cache, by=process)
    assert found["golden_layer"] == found["rounds"][-1]["kept"][0]
    assert found["rounds"][0]["layers"] == [0, 1, 2]
    assert 0 < found["confidence"] <= 1
    assert found["prior"] == "edit-aware analysis of 4 of the requests"
    assert found["n_pairs"] == found["n_computed"] <= 12
    assert found["share_of_sweep"] == pytest.approx(found["n_pairs"] / 12)
    assert (found["finished"], found["seconds_over"], found["seed"], found["budget"]) == (True, 0.0, 3, 120.0)
    assert found["seconds"] < 120
    assert found["seconds_loading"] > 0
    again = answer(*args, "--seed", "3", cache=cache)
    assert (again["n_computed"], again["golden_layer"]) == (0, found["golden_layer"])
    lines = run(*args, "--seed", "3", cache=cache).stdout
    assert f"Layer {found['golden_layer']}: the best one with a probability of" in lines
    assert "Every round was run." in lines
    assert run("cache", "list", cache=cache).stdout.count("search-") == 3


def test_report_writes_a_page_or_a_zip(tmp_path):
    cache = tmp_path / "cache"
    run_id = save_search(Store(cache), SearchQuestion(), made_search())
    page = answer("report", run_id, "--out", str(tmp_path / "search.html"), cache=cache)
    assert page["bytes"] == (tmp_path / "search.html").stat().st_size
    assert b"layer 2 is ahead so far" in (tmp_path / "search.html").read_bytes()
    done = run("report", run_id, "--out", str(tmp_path / "search.zip"), "--no-pictures", cache=cache)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"\S+search.zip, [\d.]+ MiB\n", done.stdout)
    names = zipfile.ZipFile(tmp_path / "search.zip").namelist()
    assert {"README.txt", "provenance.json", "figures/01-race.html", "tables/01-race.csv"} < set(names)
    gone = run("report", "search-none", "--out", str(tmp_path / "none.zip"), cache=cache)
    assert (gone.returncode, gone.stderr.count("\n")) == (2, 1)
    assert "There is no run 'search-none'" in gone.stderr


def test_inspect_models_and_datasets(tiny):
    folder, cache = tiny
    card = answer("inspect", "--model", folder, cache=cache, by=process)
    assert (card["n_layers"], card["model_type"]) == (3, "llama")
    listed = answer("models", cache=cache)
    assert {"llama", "gpt2", "gpt_neox", "qwen2", "qwen3", "mistral", "gemma2", "gemma3"} <= {
        a["model_type"] for a in listed["architectures"]
    }
    known = {a["model_type"]: a["known_as"] for a in listed["architectures"]}
    assert "Qwen2.5" in known["qwen2"]
    assert "Phi-4" in known["phi3"]
    names = [entry["name"] for entry in answer("datasets", cache=cache)]
    assert names[:2] == ["bundled", "bundled-hard"]
    read = answer("datasets", "--dataset", "bundled", cache=cache)
    assert read["n_records"] == read["n_read"] + read["n_reported"] >= 400
    assert read["probes"]["rephrase"] >= 2 * read["n_read"]


def test_the_cache_is_listed_measured_and_emptied(tiny):
    folder, cache = tiny
    answer("score", "--model", folder, "--dataset", "bundled", "--limit", "2", cache=cache)
    (run_,) = answer("cache", "list", cache=cache)
    assert run_["kind"] == "score"
    assert sum(u["n_bytes"] for u in answer("cache", "size", cache=cache)) > 0
    answer("cache", "clear", cache=cache)
    assert answer("cache", "list", cache=cache) == []


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("score", "--model", "/no/such/model"), "no folder or file"),
        (("score", "--model", "some/model", "--limit", "1"), "cannot be reached"),
        (("score", "--dataset", "nothing.json"), "no file and no known dataset"),
        (("score", "--scope", "everything"), "choose one of mlp"),
        (("score", "--limit", "0"), "above 0"),
        (("trace", "--kind", "heads"), "choose one of hidden"),
        (("trace", "--window", "0"), "above 0"),
        (("trace", "--positions", "first"), "choose one of all"),
        (("sweep", "--layers", "0,x"), "give all, or whole numbers"),
        (("sweep", "--layers", "99", "--limit", "1"), "Layer 99 was asked for"),
        (("sweep", "--method", "alchemy"), "choose one of rome"),
        (("search", "--method", "alchemy"), "choose one of rome"),
        (("search", "--layers", "99", "--limit", "1"), "Layer 99 was asked for"),
        (("search", "--seconds", "-5"), "give a number from 0 on"),
        (("search", "--seconds", "nan"), "give a number from 0 on"),
        (("search", "--seed", "-1"), "give a whole number from 0 on"),
        (("evaluate", "--edit", "/no/such/edit"), "cannot be read"),
        (("evaluate", "--edit", __file__), "is not a whole safetensors file"),
        (("edit", "--prompt", "A is", "--subject", "B", "--target-new", "C", "--layer", "3"), "not in the prompt"),
        (("edit", "--prompt", "A is", "--subject", "A", "--target-new", "C", "--layer", "x"), "give auto or"),
        (("edit", "--prompt", "A is", "--subject", "A", "--target-new", "C", "--method", "x"), "choose one of rome"),
    ],
)
def test_mistakes_are_one_sentence_and_status_2(args, words):
    check_mistake(run(*args), words)


def check_mistake(done: Done, words: str) -> None:
    """Status 2, nothing for a pipe, and one last sentence that is no traceback."""
    assert done.returncode == 2
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    assert words in last
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["score", "trace", "sweep", "search"])
def test_a_dataset_that_cannot_be_read_is_told_before_a_model_is_made_ready(command: str, tmp_path: Path) -> None:
    done = run(command, "--model", "bundled", "--dataset", str(tmp_path / "nothing.csv"), cache=tmp_path / "cache")
    assert done.returncode == 2
    assert "nothing.csv" in done.stderr
    assert not list((tmp_path / "cache").rglob("*.safetensors"))


def test_a_mistake_ends_a_process_with_one_sentence_and_status_2():
    check_mistake(process("sweep", "--layers", "0,x"), "give all, or whole numbers")


def test_a_command_that_is_interrupted_says_what_is_kept_and_goes_on_from_there():
    with subprocess.Popen(
        [sys.executable, "-m", "goldenlayers_core", "sweep", "--limit", "1", "--layers", "26,27,28,29"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # whatever started the tests
    ) as begun:
        said = next(line for line in begun.stderr if line.startswith("Editing"))
        begun.send_signal(signal.SIGINT)
        said += begun.stderr.read()
    assert begun.returncode == 130
    assert said.rstrip().endswith("Stopped; what was computed is kept, and the same command goes on from there.")
    assert "Traceback" not in said


def test_prepare_is_quiet_the_second_time():
    done = process("prepare")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
