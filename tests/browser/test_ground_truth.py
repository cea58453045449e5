"""Ground truth in a real browser, from nothing: measure, reload on the way, look, click, drag, edit there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from goldenlayers_core.runtime import Store
from tests.browser.running import SLOW, main, settled, visit
from tests.browser.test_scores_and_edit import PATIENT, cells, key, settings

# how strong the words are depends on what was measured
SHIPPED = "real ROME edits that come with the model"  # of more than the two requests swept here
STRENGTHS = re.compile("Use layer|Prefer layer|Cannot tell apart|Too few to tell")


@pytest.fixture(autouse=True)
def nothing_left(app_cache: Path) -> Iterator[None]:
    """Other tests begin without the runs of this one, and this one without a sweep that another has put on show."""
    store = Store(app_cache)
    for manifest in store.runs():
        if manifest.kind == "sweep":
            store.delete_run(manifest.run_id)
    before = {manifest.run_id for manifest in store.runs()}
    yield
    for manifest in store.runs():
        if manifest.run_id not in before:
            store.delete_run(manifest.run_id)


def press(page: Page, name: str) -> None:
    """Press a button by its key, once the page is at rest."""
    settled(page)
    key(page, name).get_by_role("button").first.click()


def ready(page: Page) -> None:
    """The page with a model in memory, without which it has no form of settings; then the shortest edits."""
    visit(page, "Ground truth")
    if not main(page).get_by_text("Method and its settings").count():
        visit(page, "Model")
        press(page, "model-load")
        expect(main(page).get_by_text("Fingerprint:")).to_be_visible(timeout=SLOW)
        visit(page, "Ground truth")
    settings(page, "Method and its settings")


def requests(page: Page, number: int) -> None:
    """A small sweep that compares: so many requests, every third layer."""
    handle = page.locator("[class*='st-key-truth-requests']").get_by_role("slider")
    handle.focus()
    handle.press("Home")
    for _ in range(number - 1):
        handle.press("ArrowRight")
    settled(page)
    main(page).get_by_text("every third", exact=True).click()
    settled(page)
    expect(key(page, "truth-go")).to_contain_text(f"Sweep {number} requests at 10 layers", timeout=SLOW)


def test_from_nothing_to_the_layer_and_into_the_edit(page: Page) -> None:
    visit(page, "Ground truth")
    expect(main(page).get_by_text("edits take about", exact=False)).to_be_visible(timeout=SLOW)
    ready(page)
    requests(page, 2)
    press(page, "truth-go")
    progress = main(page).get_by_text("Sweeping bundled (proxy split), first 2", exact=False).first
    expect(progress).to_be_visible(timeout=SLOW)
    page.reload()  # work outlives the page
    card = key(page, "golden-layer-card")
    expect(card.get_by_text("only 2 requests were swept", exact=False)).to_be_visible(timeout=PATIENT)
    settled(page)
    expect(card.get_by_text(STRENGTHS)).to_be_visible()
    expect(cells(page)).to_have_count(2 * 10, timeout=SLOW)

    cell = cells(page).nth(10 + 4)  # second row, fifth column: layer 12
    cell.scroll_into_view_if_needed()
    box = cell.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(main(page).get_by_text("Edited at layer 12")).to_be_visible(timeout=SLOW)
    settled(page)

    scrubber = key(page, "truth-layer").get_by_role("slider")
    scrubber.focus()
    scrubber.press("ArrowRight")
    expect(main(page).get_by_text("Edited at layer 15")).to_be_visible(timeout=SLOW)
    page.wait_for_url(re.compile(r"layer=15"), timeout=SLOW)
    settled(page)
    request = key(page, "truth-request").get_by_role("combobox").input_value().split(". ", 1)[1]

    press(page, "truth-edit-live")
    expect(main(page).get_by_role("heading", level=1, name="Edit")).to_be_visible(timeout=SLOW)
    settled(page)
    expect(main(page).get_by_role("slider").first).to_have_value("15", timeout=SLOW)
    prompt = request.split(" | ")[0]
    expect(key(page, "edit-request-digest").get_by_role("combobox")).to_have_value(
        re.compile(re.escape(prompt)), timeout=SLOW
    )
    expect(page.get_by_test_id("stSidebar").get_by_text(SHIPPED, exact=False)).to_be_visible()


def test_a_cancelled_sweep_keeps_what_it_measured_and_resumes(page: Page) -> None:
    ready(page)
    requests(page, 4)  # enough work left that it is cancelled before its end
    press(page, "truth-go")
    cancel = key(page, "cancel-sweep").get_by_role("button")
    cancel.click(timeout=SLOW)
    resume = key(page, "resume-sweep").get_by_role("button")
    expect(resume).to_be_visible(timeout=SLOW)
    expect(main(page).get_by_text("was cancelled; what was finished is kept")).to_be_visible()
    resume.click()
    swept = key(page, "golden-layer-card").get_by_text("only 4 requests were swept", exact=False)
    expect(swept).to_be_visible(timeout=PATIENT)
