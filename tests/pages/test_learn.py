"""Learn: the frame of the lessons, the lessons, the glossary, the teacher's page."""

from tests.pages.driving import press, start, texts


def test_the_contents_list_every_lesson_and_lead_into_one() -> None:
    app = start("learn")
    assert "0 of" in texts(app) or app.get("progress")
    app = press(app, "lesson-open-know")
    assert app.session_state["learn-view"] == "know"
    assert "Lesson 1. What a model knows" in app.header[0].value
