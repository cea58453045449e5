"""Hostile command lines, in this process: one sentence on stderr, status 2, no traceback, nothing computed."""

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from goldenlayers_core.__main__ import main
from goldenlayers_core.commands import console

FACT = ("edit", "--prompt", "France is", "--subject", "France", "--target-new", "Rome")
HALF = "\udcff"  # how Python hands over a byte that is no UTF-8
DIGITS = "9" * 5_000
LONG = "x" * 5_000
NOBODY = "~nosuchuser/there"
LINES = [
    (*FACT, "--layer", "²"),
    (*FACT, "--layer", "٣"),
    (*FACT, "--layer", DIGITS),
    (*FACT, "--layer", "-1"),
    (*FACT, "--set", f"steps={DIGITS}"),
    (*FACT, "--set", HALF),
    (*FACT, "--method", LONG),
    (*FACT, "--method", HALF),
    (*FACT, "--model", NOBODY),
    ("edit", "--prompt", f"{HALF} is", "--subject", HALF, "--target-new", "Rome"),
    ("sweep", "--layers", "²"),
    ("sweep", "--layers", f"1,{DIGITS}"),
    ("sweep", "--layers", ","),
    ("covariance", "--layers", "¹,²"),
    ("classroom", "--layer", "²"),
    ("classroom", "--layer", DIGITS),
    ("score", "--limit", DIGITS),
    ("score", "--limit", "²"),
    ("score", "--fence", "much"),
    ("score", "--fence", HALF),
    ("score", "--precision", HALF),
    ("score", "--model", NOBODY),
    ("score", "--dataset", NOBODY),
    ("score", "--dataset", HALF),
    ("inspect", "--model", NOBODY),
    ("inspect", "--model", "/" + "a/" * 3_000),
    ("inspect", "--model", HALF),
    ("datasets", "--dataset", LONG),
    ("datasets", "--dataset", f"/{LONG}"),
    ("datasets", "--dataset", NOBODY),
    ("datasets", "--dataset", "a\0b.csv"),
    ("report", LONG, "--out", "x.html"),
    ("report", HALF, "--out", "x.html"),
    ("report", "../../etc", "--out", "x.html"),
    ("export", "--edit", NOBODY, "--out", "x"),
    ("export", "--edit", LONG, "--out", "x"),
    ("export", "--edit", "\0", "--out", "x"),
    ("import", "--file", NOBODY),
    ("import", "--file", LONG),
    ("evaluate", "--edit", NOBODY),
    ("evaluate", "--edit", LONG),
    ("cache", "burn"),
    (HALF,),
    ("nonsense",),
    ("score", "--nonsense"),
]


def run(*args: str) -> tuple[int, str]:
    """(status, stderr) of a command line."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(args)
    return status, err.getvalue()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, and no network."""
    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("GOLDENLAYERS_TRACEBACK", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("args", LINES, ids=lambda args: ascii(" ".join(args))[:60])
def test_a_hostile_line_is_one_sentence(args: tuple[str, ...], cache: Path) -> None:
    status, said = run(*args)
    assert status == 2, said
    (sentence,) = (line for line in said.splitlines() if not line.startswith("Loading "))  # and how far it is
    assert "Traceback" not in said
    assert len(sentence) < 1_000
    assert not list(cache.rglob("*.safetensors"))


def test_a_defect_is_one_sentence_that_says_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise ZeroDivisionError("division\nby zero")

    err = io.StringIO()
    with redirect_stderr(err):
        assert console.guarded(fails, ()) == 1
    assert err.getvalue() == (
        "ZeroDivisionError: division by zero. This is a defect of ours; GOLDENLAYERS_TRACEBACK=1 shows where.\n"
    )
    monkeypatch.setenv("GOLDENLAYERS_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        console.guarded(fails, ())


def test_an_answer_with_half_a_character_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    console.say(True, {"answer": HALF}, list)
    assert "\\udcff" in capsys.readouterr().out
