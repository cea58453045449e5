"""Learn: the frame of the lessons, the lessons, the glossary, the teacher's page."""

from streamlit.testing.v1 import AppTest

from goldenlayers_core.tasks.lesson_text import lesson_text
from pages._shared import lesson
from tests.pages.driving import healthy, press, start, texts, work_done


def opened(view: str, **state: object) -> AppTest:
    return start("learn", **{lesson.VIEW: view}, **state)


def guessed(app: AppTest, right: bool = True) -> AppTest:
    """Guess at the one question that is open, and reveal it."""
    (radio,) = [r for r in app.radio if str(r.key).startswith("predict-")]
    radio.set_value(0).run()
    return press(app, f"reveal-{radio.key}")


def test_the_contents_list_every_lesson_and_lead_into_one() -> None:
    app = start("learn")
    app = press(app, "lesson-open-know")
    assert app.session_state[lesson.VIEW] == "know"
    assert "Lesson 1. What a model knows" in app.header[0].value
    assert "Load the bundled model" in [b.label for b in app.button]


def test_lesson_one() -> None:
    app = press(opened("know"), "lesson-load")
    app = work_done(app)
    for _ in range(2):
        app = guessed(app)
    app = press(app, "lesson-know-ask")
    app = work_done(app)
    app = guessed(app)
    assert lesson_text("know").part("after")[:40] in texts(app)
    assert "3 of 3 questions revealed" in texts(app)
    app = press(app, "lesson-next")
    assert "Lesson 2" in app.header[0].value
    app = press(app, "lesson-recall-start")
    app = work_done(app)
    for _ in range(3):
        app = guessed(app)
    assert "Done" in texts(app)
    app = press(app, "lesson-next")
    app = press(app, "lesson-rank-one-start")
    app = work_done(app)
    for _ in range(3):
        app = guessed(app)
    assert "Done" in texts(app)
    healthy(app)
