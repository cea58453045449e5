"""Learn: the frame, lessons 1 to 3, glossary and teacher's page; on a tiny model, which answers at once."""

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.tasks.learn.facts import lesson_facts
from goldenlayers_core.tasks.learn.glossary import glossary, term_of
from goldenlayers_core.tasks.learn.text import lesson_text, lessons
from pages._learn import lesson
from pages._shared import cached
from tests.pages.driving import go, healthy, press, start, texts, work_done
from tests.tiny import save_tiny


@pytest.fixture
def source(tmp_path: Path) -> ModelSource:
    return ModelSource(str(save_tiny(tmp_path / "tiny")))


def opened(view: str, **state: object) -> AppTest:
    return start("learn", **{lesson.VIEW: view}, **state)


def loaded(view: str, source: ModelSource) -> AppTest:
    """A lesson whose model was loaded by its one button."""
    return work_done(press(opened(view, chosen_model=source), "lesson-load"))


def asked(app: AppTest) -> AppTest:
    """Guess the last option of every question that opens, until none is open."""
    while open_ones := [radio for radio in app.radio if str(radio.key).startswith("predict-")]:
        assert app.button(key=f"reveal-{open_ones[0].key}").disabled
        open_ones[0].set_value(len(open_ones[0].options) - 1).run()
        app = press(app, f"reveal-{open_ones[0].key}")
    return app


def drawn(app: AppTest) -> str:
    """Keys of the figures on the page."""
    return " ".join(str(chart.proto.id) for chart in app.get("plotly_chart"))


def test_the_contents_lead_into_a_lesson_that_says_what_it_needs() -> None:
    app = opened("contents")
    assert [b.key for b in app.button if str(b.key).startswith("lesson-open-")] == [
        f"lesson-open-{name}" for name in lessons()
    ]
    app = press(app, "lesson-open-know")
    assert "Lesson 1. What a model knows" in app.header[0].value
    assert "Load the bundled model" in [b.label for b in app.button]


def test_lesson_one_asks_before_it_shows(source: ModelSource) -> None:
    app = loaded("know", source)
    assert "lesson-know-first" not in drawn(app)
    app = asked(app)
    assert "lesson-know-first" in drawn(app)
    assert "lesson-know-wordings" in drawn(app)
    app = asked(work_done(press(app, "lesson-know-ask")))
    said = texts(app)
    assert "3 of 3 questions revealed" in said
    assert re.search(r"\*\*(Right|Not so)\.\*\* You said:", said)
    app.text_input(key="lesson-know-own").set_value("The capital of Spain is").run()
    assert "lesson-know-own" in drawn(healthy(app))

    app = press(app, "lesson-contents")  # what is done is said there, and kept over other pages
    assert "Look again: What a model knows, and how to ask it" in [b.label for b in app.button]
    app = press(go(go(app, "runs"), "learn"), "lesson-open-know")
    assert "3 of 3 questions revealed" in texts(app)
    app = press(app, "lesson-reset")
    assert "3 questions to guess at" in texts(app)
    assert "lesson-know-first" not in drawn(app)


def test_lessons_two_and_three_compute_for_real(source: ModelSource) -> None:
    app = loaded("recall", source)
    app = asked(work_done(press(app, "lesson-recall-start")))
    assert "lesson-recall-trace" in drawn(app)
    assert "lesson-recall-depth" in drawn(app)
    app = press(app, "lesson-next")
    assert "Lesson 3" in app.header[0].value
    app = work_done(press(app, "lesson-rank-one-start"))
    assert "W' k = v" in texts(app)
    app = asked(app)
    assert "lesson-rank-one-plane" in drawn(app)
    assert "Done" in texts(app)
    app = press(app, next(b.key for b in app.button if b.label == "See this edit"))
    assert app.title[0].value == "Edit"
    assert app.session_state["edit_run"]


def test_another_fact_asks_anew(source: ModelSource) -> None:
    app = loaded("know", source)
    radio = next(r for r in app.radio if str(r.key).startswith("predict-know-likeliest"))
    radio.set_value(0).run()
    app = press(app, f"reveal-{radio.key}")
    assert not app.radio[0].key.startswith("predict-know-likeliest")
    facts = lesson_facts(cached.workbench(), source)
    other = next(fact for fact in facts if fact.digest != app.session_state["open_request"])
    app.selectbox(key="lesson-fact").set_value(other.digest).run()
    assert healthy(app).radio[0].key.startswith("predict-know-likeliest")
    assert app.session_state["open_request"] == other.digest  # the tools open with it too


def test_the_glossary_finds_and_names_terms() -> None:
    app = opened("glossary")
    assert f"{len(glossary())} terms of {len(glossary())}" in texts(app)
    app.text_input(key="glossary-search").set_value("oracle").run()
    assert "**oracle layer**" in texts(healthy(app))
    assert "**token**" not in texts(app)
    app = opened("glossary")
    app.query_params["view"], app.query_params["term"] = "glossary", "golden-layer"
    app.run()
    golden = term_of("golden-layer")
    assert golden is not None
    assert golden.meaning[:30] in texts(healthy(app))
    assert "**token**" not in texts(app)


def test_a_page_links_each_term_once() -> None:
    app = start("edit")
    links = re.findall(r"\(learn\?view=glossary&term=([\w-]+) ", texts(app))
    assert "edit" in links
    assert len(set(links)) == len(links)
    assert all(term_of(key) for key in links)


def test_the_teacher_gets_what_was_revealed(source: ModelSource) -> None:
    app = opened("teacher")
    said = texts(app)
    assert "There is no login" in said
    assert "was not measured" in said
    assert "nothing to hand out yet" in said
    app = loaded("know", source)
    app = asked(app)
    app.selectbox(key="learn-choice-know").set_value("teacher").run()
    assert "2 questions of 1 lesson" in texts(healthy(app))
    assert {b.label for b in app.get("download_button")} >= {"Questions to hand out", "Questions with answers"}


def test_every_lesson_opens_without_a_model() -> None:
    app, before = opened("contents"), "contents"
    for name in lessons():
        app.selectbox(key=f"learn-choice-{before}").set_value(name).run()
        before = name
        assert lesson_text(name).title in healthy(app).header[0].value.replace("\\", "")


@pytest.mark.parametrize(("name", "title"), [("contents", "All lessons"), ("classroom", "Classroom: a planted fact")])
def test_the_chooser_is_never_told_its_value_afterwards(name: str, title: str) -> None:
    """A page drawn twice before a slow phone shows it would lose that: the chooser stood at "All lessons", and the next
    tap anywhere led there."""
    app = opened(name)
    for _ in range(2):
        chooser = healthy(app).selectbox(key=f"learn-choice-{name}")
        assert chooser.value == name
        assert not chooser.proto.set_value
        assert chooser.options[chooser.proto.default] == title
        app.run()
