"""How the program is served: what the environment may say, who may reach it, and sentences without folders."""

import dataclasses
from pathlib import Path

import pytest

from goldenlayers_core.errors import ConfigError, DatasetError, ModelError
from goldenlayers_core.places import assets_folder
from goldenlayers_core.records import ModelSource
from goldenlayers_core.tasks import Workbench
from goldenlayers_core.tasks.mode import LOCAL, Limits, Mode, check_address, mode_of, why_closed, without_paths
from goldenlayers_core.tasks.wings import KINDS

DEMO = Mode(demo=True)


def test_what_the_environment_says() -> None:
    assert mode_of({}) == LOCAL
    said = {
        "GOLDENLAYERS_MODE": "demo",
        "GOLDENLAYERS_MODELS": "bundled, owner/name",
        "GOLDENLAYERS_LIMITS": "jobs=2,hours=4",
        "GOLDENLAYERS_LOGIN": "yes",
    }
    assert mode_of(said) == Mode(True, True, False, ("bundled", "owner/name"), limits=Limits(jobs=2, hours=4))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("GOLDENLAYERS_MODE", "public", "set it to demo or local"),
        ("GOLDENLAYERS_LOGIN", "oidc", "set it to yes or no"),
        ("GOLDENLAYERS_OPEN", "1", "set it to yes or no"),
        ("GOLDENLAYERS_LIMITS", "jobs=many", "give whole numbers by name"),
        ("GOLDENLAYERS_LIMITS", "edits=3", "of hours, jobs"),
        ("GOLDENLAYERS_LIMITS", "jobs=²", "give whole numbers by name"),
    ],
)
def test_what_it_may_not_say(name: str, value: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        mode_of({name: value})


@pytest.mark.parametrize(
    "name",
    [
        "", "Qwen/Qwen3-0.6B", "/etc", "/etc/passwd", "~/models", "./bundled", "bundled/../x", "classroom-3/../../etc",
        "classroom.gguf", "weights.gguf", "C:\\models", "gemma", "bundled\n", "../classroom",
    ],
)  # fmt: skip
def test_a_demo_uses_models_of_its_list_and_looks_for_no_other(name: str) -> None:
    with pytest.raises(ModelError, match="only the models bundled, classroom") as refused:
        DEMO.check_model(ModelSource(name))
    assert not name or name not in str(refused.value).replace("bundled, classroom*", "")


def test_a_demos_models() -> None:
    for name in ("bundled", "classroom", "classroom-3"):
        DEMO.check_model(ModelSource(name))
    for source in (ModelSource(revision="main"), ModelSource(dtype="float64"), ModelSource(device="cuda:7")):
        with pytest.raises(ModelError, match="as they are"):
            DEMO.check_model(source)
        LOCAL.check_model(source)
    Mode(demo=True, models=("owner/name",)).check_model(ModelSource("owner/name"))


@pytest.mark.parametrize("name", ["counterfact", "/etc/passwd", "facts.csv", "upload-../x", "upload-", "hub:a/b/c"])
def test_a_demo_uses_datasets_of_its_list_and_uploads(name: str) -> None:
    DEMO.check_dataset("bundled-hard")
    DEMO.check_dataset("upload-0123abcd")
    LOCAL.check_dataset(name)
    with pytest.raises(DatasetError, match="only the datasets bundled"):
        DEMO.check_dataset(name)


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.4", "::", "", None])
def test_others_reach_it_only_where_something_says_so(address: str | None) -> None:
    with pytest.raises(ConfigError, match=r"start it with a login .* or in the demo mode .* OPEN=yes"):
        check_address(address, LOCAL)
    for mode in (Mode(demo=True), Mode(login=True), Mode(open=True)):
        check_address(address, mode)
    for own in ("127.0.0.1", "localhost", "::1"):
        check_address(own, LOCAL)


def test_make_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Others can reach 0.0.0.0" in (why_closed("0.0.0.0") or "")
    monkeypatch.setenv("GOLDENLAYERS_OPEN", "yes")
    assert why_closed("0.0.0.0") is None
    monkeypatch.setenv("GOLDENLAYERS_MODE", "x")
    assert "set it to demo or local" in (why_closed("127.0.0.1") or "")


def test_sentences_without_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(tmp_path / "store"))
    text = (
        f"{tmp_path}/store/objects/x.json could not be read; see {assets_folder()}/datasets/a.json, {Path.home()}/.x, "
        "'/srv/secret plan' or C:\\Users\\ann; write to https://example.org/page and/or say 3/4."
    )
    assert without_paths(text) == (
        "the store could not be read; see this program, this machine, "
        "'a place on this machine plan' or a place on this machine; write to https://example.org/page and/or say 3/4."
    )
    assert LOCAL.clean(text) == text


def test_minutes_until_a_closed_page_counts_as_gone(tmp_path: Path) -> None:
    assert [mode_of({"GOLDENLAYERS_AWAY": said}).away for said in ("", "0", " 5 ")] == [30, 0, 5]
    for said in ("-1", "1.5", "soon", "٣", "9" * 9):
        with pytest.raises(ConfigError, match=r"GOLDENLAYERS_AWAY is .*whole minutes"):
            mode_of({"GOLDENLAYERS_AWAY": said})
    for mode, ends in ((Mode(), False), (Mode(demo=True), True), (Mode(login=True), True), (Mode(open=True), True)):
        bench = Workbench(tmp_path / str(mode.demo), KINDS, dataclasses.replace(mode, away=2))
        assert (bench.attendance.seconds, bench.attendance.ends) == (120, ends)
        assert {queue.attendance for queue in (bench.slow, bench.quick)} == {bench.attendance}
        bench.close()
