"""Lessons 4 to 7 in a real browser, in one session, on small real runs of the bundled model."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress, Store
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, open_workbench
from goldenlayers_core.tasks.learn.pile import pile
from goldenlayers_core.tasks.questions import PileQuestion, SweepQuestion
from goldenlayers_core.tasks.scores.layer_scores import score
from goldenlayers_core.tasks.truth.sweep import sweep
from tests.browser.running import LONGEST, SLOW, length, main, settled, visit
from tests.browser.test_learn import load

THREE, FOUR = (DatasetChoice("bundled", "proxy", n) for n in (3, 4))
QUICK = {"steps": 3, "n_templates": 0}


@pytest.fixture(autouse=True)
def measured(app_cache: Path) -> Iterator[None]:
    """A sweep of three requests at three layers, LGA on them, two edits piled up at a layer; gone afterwards."""
    store = Store(app_cache)
    before = {manifest.run_id for manifest in store.runs()}
    bench = open_workbench(app_cache)
    sweep(bench, SweepQuestion(choice=THREE, settings=QUICK, layers=(0, 12, 24)), Progress())
    score(bench, ScoreQuestion(choice=THREE), Progress())
    question = PileQuestion(ModelSource(), FOUR, settings=QUICK, layers=(25,), sizes=(0, 2), facts=2)
    pile(bench, question, Progress())
    bench.close()
    yield
    for manifest in store.runs():
        if manifest.run_id not in before:
            store.delete_run(manifest.run_id)


def key(page: Page, name: str) -> Locator:
    """A widget or container by its key."""
    return page.locator(f".st-key-{name}")


def lesson(page: Page, title: str) -> None:
    """Go to the lesson by the button of the one before, or by the contents."""
    settled(page)
    main(page).get_by_role("button", name=title).first.click()
    expect(main(page).get_by_text("of 7 lessons done")).to_have_count(0, timeout=SLOW)  # the contents name it, too
    expect(main(page).get_by_role("heading", level=2, name=title).first).to_be_visible(timeout=SLOW)
    settled(page)


def guess(page: Page, name: str) -> None:
    """Predict, then reveal: the answer was computed, so it is only known that there is one."""
    box = page.locator(f".st-key-lesson-question-{name}")
    settled(page)
    box.locator("label:has(input[type=radio])").first.click()
    settled(page)
    reveal = box.get_by_role("button", name="Reveal").first  # while it is off, its tooltip holds a second one
    expect(reveal).to_be_enabled(timeout=SLOW)
    reveal.click()
    expect(box.get_by_text("You said:")).to_be_visible(timeout=SLOW)
    settled(page)


def heading(page: Page, text: str) -> Locator:
    """A figure's finding."""
    return main(page).get_by_role("heading", level=3).filter(has_text=text)


def test_the_interactive_part_of_lessons_four_to_seven(page: Page) -> None:
    visit(page, "Learn")
    lesson(page, "Why the layer matters")
    for question in ("take", "stay"):
        guess(page, f"layer-{question}")
    expect(heading(page, "Layer 0: ")).to_be_visible(timeout=SLOW)
    slider = key(page, "lesson-layer-at").get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    # the next layer of the larger sweep: the one stored here has every twelfth, the one that comes with the model all
    expect(main(page).get_by_text(re.compile(r"after the edit at layer (1|12)\b")).first).to_be_visible(timeout=SLOW)
    expect(main(page).get_by_role("heading", level=3).filter(has_text=re.compile("Layer (1|12): "))).to_be_visible()
    expect(key(page, "figure-lesson-layer-rates").locator(".js-plotly-plot")).to_be_visible(timeout=SLOW)

    lesson(page, "Golden layers")
    for question in ("own", "enough"):
        guess(page, f"golden-{question}")
    slider = key(page, "lesson-golden-proxies").get_by_role("slider")
    slider.focus()
    slider.press("Home")
    expect(heading(page, "1 proxy request: mean regret")).to_be_visible(timeout=SLOW)
    slider.press("ArrowRight")
    expect(heading(page, "2 proxy requests: mean regret")).to_be_visible(timeout=SLOW)

    lesson(page, "Layer Gradient Analysis")
    guess(page, "lga-sign")
    expect(heading(page, "120 degrees apart")).to_be_visible(timeout=SLOW)
    slider = key(page, "lesson-arrow-new-turn").get_by_role("slider")
    slider.focus()
    slider.press("ArrowLeft")
    expect(heading(page, "115 degrees apart")).to_be_visible(timeout=SLOW)
    guess(page, "lga-pick")
    expect(heading(page, "this request's largest value")).to_be_visible(timeout=SLOW)

    lesson(page, "When edits go wrong")
    make = key(page, "lesson-start-lesson-edit").get_by_role("button").first
    load(page, make)
    expect(make).to_be_enabled(timeout=SLOW)
    settled(page)
    make.click()
    expect(main(page).locator(".st-key-lesson-question-wrong-kind")).to_be_visible(timeout=SLOW)
    guess(page, "wrong-kind")
    expect(main(page).locator(".gl-said > div").first).to_be_visible(timeout=SLOW)
    for question in ("first", "when", "warning"):
        guess(page, f"wrong-{question}")
    expect(page.locator("[class*='st-key-figure-lesson-pile']").first).to_be_visible(timeout=SLOW)
    expect(main(page).get_by_text("Done · 4 of 4 questions revealed", exact=False).first).to_be_visible(timeout=SLOW)
    page.set_viewport_size({"width": 390, "height": 844})
    expect(key(page, "unfold-lesson-wrong-one")).to_be_visible()
    page.wait_for_timeout(600)
    assert length(page) <= LONGEST
    page.set_viewport_size({"width": 1280, "height": 720})
    main(page).get_by_role("button", name="Make this edit and stack others").click()
    expect(main(page).get_by_role("heading", level=1, name="Edit")).to_be_visible(timeout=SLOW)
