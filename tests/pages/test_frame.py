"""What surrounds every page."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.tasks import DatasetChoice
from pages._shared import session
from pages._shared.wording import count, duration, escape, parameters, shorten, size
from tests.pages.driving import APP, PATIENCE, go, start, texts

PAGES = ("home", "model", "dataset", "layer_scores", "edit", "runs")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_on_an_empty_store(page: str) -> None:
    app = start(page)
    assert not app.error
    assert "This session" in [caption.value for caption in app.sidebar.caption]


@pytest.mark.parametrize("page", PAGES)
def test_a_shared_store_that_does_not_tell_is_one_sentence_on_every_page(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "store.json").write_text("{}")
    monkeypatch.setenv("GOLDENLAYERS_STORE", f"file://{tmp_path}/far")
    app = start(page)
    assert "is not ours; set GOLDENLAYERS_STORE to another place" in app.sidebar.error[0].value.replace("\\", "")


def test_a_shared_store_that_is_nowhere_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLDENLAYERS_STORE", "nowhere")
    app = AppTest.from_file(str(APP), default_timeout=PATIENCE).run()
    assert not app.exception
    assert "give a location such as" in app.error[0].value


@pytest.mark.parametrize("page", PAGES)
def test_a_dataset_that_is_gone_stops_no_page(page: str) -> None:
    app = start(page, chosen_dataset=DatasetChoice("upload-" + "0" * 32, title="gone.csv"))
    assert len(app.error) <= 1
    assert app.get("page_link") or app.button or app.file_uploader


def test_a_visitor_who_comes_by_a_pages_own_address_gets_the_frame_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # Streamlit as it starts: it takes pages/ for its older kind of app
    app = AppTest.from_file(str(APP), default_timeout=PATIENCE)
    app.switch_page("pages/runs.py").run()
    assert app.title[0].value == "Runs"
    assert "This session" in [caption.value for caption in app.sidebar.caption]


def test_choices_of_two_sessions_are_their_own() -> None:
    mine, other = start("home", chosen_dataset=DatasetChoice("bundled", "test", 3)), start("home")
    for app in (mine, other):
        go(app, "dataset")
    assert "first 3" in texts(mine)
    assert "first 32" in texts(other)
    assert mine.session_state["desk"] != other.session_state["desk"]


def test_a_browser_without_a_name_is_given_one() -> None:
    app = start("home")
    assert len(app.session_state["desk"]) == 32
    assert session.COOKIE in "".join(html.value for html in app.sidebar.get("html"))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (count(1, "request"), "1 request"),
        (count(2191, "request"), "2,191 requests"),
        (size(999), "999 bytes"),
        (size(2048), "2.0 KiB"),
        (size(513 * 2**20), "513 MiB"),
        (size(3 * 2**30), "3.0 GiB"),
        (parameters(134_515_008), "135 million"),
        (parameters(7_241_732_096), "7.2 billion"),
        (duration(0.2), "under 1 s"),
        (duration(89), "89 s"),
        (duration(600), "10 min"),
        (duration(7200), "2.0 h"),
        (shorten("abcdef", 4), "abc…"),
        (escape("$a_b$ [c](d)"), "\\$a\\_b\\$ \\[c\\]\\(d\\)"),
    ],
)
def test_numbers_are_said_as_a_person_says_them(found: str, expected: str) -> None:
    assert found == expected
