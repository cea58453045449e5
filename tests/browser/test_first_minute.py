"""The first minute in a real browser: from one button to a changed answer, into the pages, onto the big screen."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.present.slide import said
from goldenlayers_core.tasks.present.stored_tour import open_tour
from goldenlayers_core.tasks.present.tour_words import told
from tests.browser.running import SLOW, main, settled, visit
from tests.browser.test_scores_and_edit import PATIENT, key, press


def screen(page: Page, number: int) -> None:
    """Wait for a screen of the presenter."""
    expect(key(page, "present-bar").get_by_text(f"{number} of ", exact=False)).to_be_visible(timeout=SLOW)
    settled(page)


def headline(page: Page) -> str:
    """What the screen says."""
    return main(page).locator("h1").inner_text()


def test_one_button_shows_it_all_and_every_step_opens(
    page: Page, new_context: Callable[..., BrowserContext], app_url: str, app_cache: Path
) -> None:
    press(page, "tour-go")
    fills = re.compile("facts scored at 30 layers|32 facts, 30 layers: 960 scores")  # while it does, and when it has
    expect(main(page).get_by_text(fills).first).to_be_visible(timeout=PATIENT)
    page.reload()  # nothing is lost
    visit(page, "Dataset")
    visit(page, "Home")
    expect(key(page, "tour-ways")).to_be_visible(timeout=PATIENT)
    settled(page)

    store = Store(app_cache)
    run_id = next(m.run_id for m in store.runs() if m.kind == "tour")
    tour = open_tour(store, run_id)
    report = open_report(store, tour.edit_run)
    after = said(report.after.answer)
    assert (tour.knows, report.took) == (True, True)
    assert after != said(report.before.answer)
    good, asked = report.rates()["locality"]
    assert asked > 0  # how many stay depends on the layer, and that on what was measured
    named = told(tour)[2].headline  # its words depend on what real edits say beside the gradients
    assert f"layer {tour.golden_layer}" in named
    for words in (
        f"1. The model says {said(tour.answer)}",
        "2. 32 facts, 30 layers: 960 scores",
        f"3. {named}",
        f"4. The model now says {after}",
        f"5. {good} of {asked} neighbours keep their answer",
    ):
        expect(main(page).get_by_text(words, exact=False).first).to_be_visible(timeout=SLOW)
    table = key(page, "tour-neighbours-done").locator("tbody tr")
    expect(table).to_have_count(asked)

    press(page, "tour-open-score")
    expect(main(page).get_by_role("heading", level=1, name="Layer scores")).to_be_visible(timeout=SLOW)
    settled(page)
    key(page, "scores-remarks").locator("summary").click()
    expect(main(page).get_by_text(tour.score_run, exact=False).first).to_be_visible(timeout=SLOW)
    visit(page, "Home")
    press(page, "tour-open-edit")
    expect(key(page, "edit-after").get_by_text(after, exact=False).first).to_be_visible(timeout=SLOW)
    expect(key(page, "edit-after").get_by_text(f"layer {tour.edit_layer}", exact=False)).to_be_visible()
    settled(page)
    visit(page, "Home")

    key(page, "tour-ways").get_by_role("link", name="Present").click()
    _present(page)
    last = page.url
    fresh = new_context(color_scheme="dark").new_page()
    fresh.goto(last)
    settled(fresh)
    assert headline(fresh) == headline(page)
    page.keyboard.press("Escape")
    expect(main(page).get_by_role("heading", level=1, name="Golden Layers")).to_be_visible(timeout=SLOW)
    visit(page, "Present")  # from its own list, too
    key(page, f"present-run-{run_id}").get_by_role("link", name="Present").click()
    screen(page, 1)
    assert f"run={run_id}" in page.url
    page.keyboard.press("ArrowRight")
    screen(page, 2)
    page.keyboard.press("Escape")
    expect(main(page).get_by_role("heading", level=1, name="Golden Layers")).to_be_visible(timeout=SLOW)
    expect(main(page).get_by_text(f"4. The model now says {after}", exact=False)).to_be_visible(timeout=SLOW)
    settled(page)
    for manifest in store.runs():  # other tests begin without a result
        store.delete_run(manifest.run_id)


def _present(page: Page) -> None:
    """Through the screens by the keyboard; ends on the one that says what the model says now."""
    screen(page, 1)
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    total = int(key(page, "present-bar").get_by_text(re.compile(r"^\d+ of \d+$")).inner_text().split(" of ")[1])
    for number, pressed in enumerate(("ArrowRight", "Space", "PageDown"), 2):
        page.keyboard.press(pressed)
        screen(page, number)
        assert f"step={number}" in page.url
    for number, pressed in ((3, "ArrowLeft"), (2, "PageUp"), (total, "End"), (1, "Home")):
        page.keyboard.press(pressed)
        screen(page, number)
    for number in (2, 3):
        page.keyboard.press("ArrowRight")
        try:
            expect(key(page, "present-bar").get_by_text(f"{number} of ")).to_be_visible(timeout=20_000)
        except AssertionError:  # pressed while the screen was drawn anew, on a machine that does much else
            page.keyboard.press("ArrowRight")
        screen(page, number)
    picture = key(page, "present-figure").locator(".main-svg").first
    picture.wait_for(timeout=SLOW)
    box = picture.bounding_box()
    assert box
    assert box["height"] > 0.4 * 900  # the picture takes what the screen has left
    assert box["width"] > 0.85 * 1440
    page.keyboard.press("Home")
    screen(page, 1)
    size = main(page).locator(".gl-stage").evaluate("node => parseFloat(getComputedStyle(node).fontSize)")
    assert size >= 2.8 * 16  # of body text
    page.keyboard.press("Tab")
    expect(page.get_by_text("How was this measured?")).to_be_visible()
    while not headline(page).startswith("The model now says"):
        step = int(page.url.rsplit("step=", 1)[1])
        assert step < total
        page.keyboard.press("ArrowRight")
        screen(page, step + 1)
    expect(main(page).locator(".gl-side-before strong")).not_to_have_text(
        main(page).locator(".gl-side-after strong").inner_text()
    )
