"""A class that guesses together: the teacher's lesson and twenty learners, each in a session of their own."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.records import ModelSource
from pages._learn import lesson, together
from pages._shared import cached, session
from tests.pages.driving import healthy, press, start, texts, work_done
from tests.tiny import save_tiny


@pytest.fixture
def teacher(tmp_path: Path) -> AppTest:
    """The teacher's session, with a class for lesson 1 open."""
    source = ModelSource(str(save_tiny(tmp_path / "tiny")))
    app = start("learn", **{lesson.VIEW: "teacher"}, chosen_model=source)
    app.selectbox(key="class-lesson").set_value("know").run()
    return press(app, "class-open")


def code_of(teacher: AppTest) -> str:
    return str(teacher.session_state["class-code"])


def learner(code: str) -> AppTest:
    """A learner's session that followed the link."""
    app = start("learn", **{lesson.VIEW: together.VIEW})
    app.query_params["view"] = together.VIEW
    app.query_params["class"] = code
    return healthy(app.run())


def in_lesson(teacher: AppTest) -> AppTest:
    """The teacher at the lesson's first question."""
    teacher.session_state[lesson.VIEW] = "know"
    teacher.query_params["view"] = "know"
    return work_done(press(healthy(teacher.run()), "lesson-load"))


def radio(app: AppTest) -> str:
    return next(str(one.key) for one in app.radio if str(one.key).startswith("class-guess-"))


def test_twenty_learners_guess_and_are_told(teacher: AppTest) -> None:
    code = code_of(teacher)
    learners = [learner(code) for _ in range(20)]
    assert "first question comes here by itself" in texts(learners[0])
    teacher = in_lesson(teacher)
    for place, app in enumerate(learners):
        healthy(app.run())
        key = radio(app)
        options = len(app.radio(key=key).options)
        healthy(app.radio(key=key).set_value(place % options).run())
        assert "Your guess is in" in texts(app)
    found = cached.classes().find(code)
    assert found is not None
    assert found.current is not None
    assert sum(found.current.counts) == 20
    healthy(teacher.run())
    assert "20 guesses so far" in texts(teacher)
    assert "Computed" not in texts(learners[0].run())  # nothing is told before the teacher reveals it
    key = next(str(one.key) for one in teacher.radio if str(one.key).startswith("predict-"))
    teacher.radio(key=key).set_value(0).run()
    press(teacher, f"reveal-{key}")
    told = cached.classes().find(code)
    assert told is not None
    first = told.asked[0]
    assert first.right
    for place, app in enumerate(learners[:4]):
        said = texts(healthy(app.run()))
        assert ("Right." in said) == (place % len(first.options) in first.right)


def test_a_class_that_ended_says_so_and_keeps_nothing(teacher: AppTest) -> None:
    code = code_of(teacher)
    app = learner(code)
    press(teacher, "class-end")
    assert cached.classes().find(code) is None
    assert f"There is no class {code}" in texts(healthy(app.run()))
    assert "Open a class" in [button.label for button in teacher.button]


def test_a_code_can_be_typed(teacher: AppTest) -> None:
    app = start("learn", **{lesson.VIEW: together.VIEW})
    app.query_params["view"] = together.VIEW
    healthy(app.run())
    healthy(app.text_input(key="class-join").set_value(code_of(teacher).lower()).run())
    assert "The class is open" in texts(app)


def test_nobody_else_puts_questions_to_the_class(teacher: AppTest, tmp_path: Path) -> None:
    code = code_of(teacher)
    stranger = start("learn", **{lesson.VIEW: "know"}, chosen_model=ModelSource(str(tmp_path / "tiny")))
    work_done(press(stranger, "lesson-load"))
    found = cached.classes().find(code)
    assert found is not None
    assert found.asked == ()


@pytest.mark.parametrize("code", ["NOSUCH", "<b>x</b>", "../..", "A" * 300])
def test_a_made_up_code_is_one_sentence(code: str) -> None:
    assert "There is no class" in texts(learner(code))


def test_a_class_is_its_teachers_again_after_the_program_was_started_anew(
    teacher: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, name = code_of(teacher), teacher.session_state["desk"]
    cached.desks().clear()  # what a program that ends forgets
    other = start("learn", **{lesson.VIEW: "teacher"})
    assert not [button for button in other.button if button.key == "class-end"]  # another browser has nothing of it
    monkeypatch.setattr(session, "cookie", lambda asked: name if asked == session.COOKIE else "")
    again = start("learn", **{lesson.VIEW: "teacher"})
    assert f"Class {code}" in texts(again)
    press(again, "class-end")
    assert cached.classes().find(code) is None
