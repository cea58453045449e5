"""Presenter mode: a run in large type, one idea a screen; the address names the screen."""

import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.tasks.wings import KINDS, with_screens
from pages._shared import cached, present_link
from tests.pages.driving import healthy, press, start, stored_edit, stored_scores, texts
from tests.pages.test_tour import html
from tests.pages.tours import stored_tour


def present(run_id: str, step: str = "1") -> AppTest:
    """A new session that comes by the address of a screen."""
    app = start("present")
    app.query_params["run"], app.query_params["step"] = run_id, step
    return healthy(app.run())


def test_without_a_run_it_says_what_there_is_to_present() -> None:
    assert "There is nothing to present yet" in texts(start("present"))
    run_id, _ = stored_tour()
    app = start("present")
    assert app.title[0].value == "Present"
    assert "First minute: France, Paris → Rome" in texts(app).replace("\\", "")
    assert "Esc leaves" in texts(app)
    assert f"run={run_id}" in str([element.proto for element in app.get("page_link")])


def test_the_screens_of_a_tour_are_stepped_through() -> None:
    run_id, tour = stored_tour()
    app = present(run_id)
    total = len(cached.slides(run_id))
    assert total >= 8
    assert app.button(key="present-back").disabled
    seen = []
    for number in range(1, total + 1):
        assert f"{number} of {total}" in texts(app)
        seen.append(html(app))
        if number < total:
            press(app, "present-next" if number % 2 else "present-key-space")
            assert app.query_params["step"] == str(number + 1)
    assert app.button(key="present-next").disabled
    assert app.button(key="present-key-pagedown").disabled
    everything = "\n".join(seen)
    for words in ("The model says Paris", "The model now says Rome", f"Gradients name layer {tour.golden_layer}"):
        assert words in everything
    assert "3 of 3 neighbours keep their answer" in everything
    assert f"At layer {tour.golden_layer}, 1 of 3 do" in everything
    assert "<b>place</b>" not in everything
    press(app, "present-first")
    assert app.query_params["step"] == "1"
    press(press(app, "present-all"), "present-jump-4")  # the screens in small
    assert app.query_params["step"] == "4"
    assert f"4 of {total}" in texts(app)
    press(app, "present-last")
    press(app, "present-leave")
    assert app.title[0].value == "Golden Layers"
    assert app.session_state["tour_run"] == run_id


@pytest.mark.parametrize(("step", "number"), [("2", 2), ("999", 0), ("0", 1), ("-3", 1), ("two", 1), ("²", 1)])
def test_an_address_opens_its_screen(step: str, number: int) -> None:
    run_id, _ = stored_tour()
    app = present(run_id, step)
    total = len(cached.slides(run_id))
    assert f"{number or total} of {total}" in texts(app)


def test_edits_and_scores_are_presented_and_left_for_their_pages() -> None:
    for run_id, page, headline in (
        (stored_edit(), "Edit", "The model now says Rome"),
        (stored_scores(), "Layer scores", "Gradients name layer"),
    ):
        app = present(run_id, "2")
        assert headline in html(app)
        assert app.expander[0].label == "How was this measured?"
        press(app, "present-leave")
        assert app.title[0].value == page


def test_a_run_that_is_not_here_is_said_and_others_are_offered() -> None:
    stored_edit()
    app = present("tour-nowhere")
    assert "is not in this machine's store" in app.warning[0].value.replace("\\", "")
    assert app.title[0].value == "Present"
    assert app.get("page_link")


def test_first_minutes_come_first_and_the_edits_of_a_sitting_are_one_line() -> None:
    run_id, _ = stored_tour()
    app = start("present")
    assert "2 edits" in app.expander[0].label
    listed = [element.proto.query_string for element in app.get("page_link") if "run=" in element.proto.query_string]
    assert f"run={run_id}" in listed[0]


def test_every_kind_that_has_screens_has_the_link() -> None:
    assert {kind.name for kind in KINDS if present_link.has_screens(kind.name)} == set(with_screens())
