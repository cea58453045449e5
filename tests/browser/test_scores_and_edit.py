"""The main job in a real browser: score, look, click, edit, compare; and what another browser sees of it."""

import dataclasses
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from goldenlayers_core.attribution.regret import golden_of
from goldenlayers_core.results.truth.measured import MethodUsed
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks.shipped_evidence import shipped
from tests.browser.running import SLOW, main, settled, visit

PATIENT = 3 * SLOW  # milliseconds; an edit with all its templates on a busy machine
# of the bundled model (the only one with SmolLM2's layers in the shipped table), until more was measured here
OURS = next(m for m in shipped().measured if (m.used, m.data, len(m.layers)) == (MethodUsed(), "bundled", 30))
RECOMMENDED = str(golden_of(OURS.score, OURS.layers))


def key(page: Page, name: str) -> Locator:
    """A widget or container by its key."""
    return page.locator(f".st-key-{name}")


def press(page: Page, name: str) -> None:
    """Press a button by its key."""
    key(page, name).get_by_role("button").click()


def settings(page: Page, where: str = "Settings of ROME") -> None:
    """The shortest edit: what the pages do with it is the same."""
    main(page).get_by_text(where).click()
    for label, value in (("Steps", "6"), ("Context templates", "0")):
        box = page.get_by_role("spinbutton", name=label, exact=True)
        box.fill(value)
        box.press("Tab")
        settled(page)
    expect(main(page).get_by_text("Changed: Steps, Context templates")).to_be_visible(timeout=SLOW)


def pick(page: Page, name: str, nth: int) -> None:
    """Choose an option of a selectbox; its list closes when the page is drawn anew, and is then opened again."""
    option = page.get_by_role("option").nth(nth)
    for _ in range(8):
        settled(page)
        key(page, name).get_by_role("combobox").click()
        with suppress(PlaywrightTimeoutError):
            option.click(timeout=15_000)
            return
        page.keyboard.press("Escape")
    raise AssertionError(f"The list of {name} does not stay open.")


def cells(page: Page) -> Locator:
    """The heatmap's click layer, one transparent mark for every request and layer, in rows."""
    return page.locator("[class*='st-key-figure-heatmap'] .scatterlayer .points path")


def opened_request(page: Page) -> str:
    """The request in the selectbox."""
    return key(page, "scores-request").get_by_role("combobox").input_value()


def score_runs(cache: Path) -> list[dict[str, object]]:
    """Manifests of the score runs in the app's store."""
    return [dataclasses.asdict(manifest) for manifest in Store(cache).runs() if manifest.kind == "score"]


def test_score_open_edit_compare(page: Page, new_context: Callable[..., BrowserContext], app_url: str) -> None:
    visit(page, "Layer scores")
    press(page, "score")
    expect(cells(page).first).to_be_attached(timeout=PATIENT)
    settled(page)
    expect(cells(page)).to_have_count(32 * 30, timeout=SLOW)
    golden = key(page, "golden-layer-card").get_by_test_id("stMetricValue").first.inner_text()

    first = opened_request(page)
    cell = cells(page).nth(7 * 30 + 12)
    cell.scroll_into_view_if_needed()
    box = cell.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(main(page).get_by_text("the cell you clicked")).to_be_visible(timeout=SLOW)
    settled(page)
    clicked = opened_request(page)
    assert clicked != first

    pick(page, "scores-request", 0)
    expect(main(page).get_by_text("the cell you clicked")).to_have_count(0, timeout=SLOW)
    settled(page)
    assert opened_request(page).startswith("1. ")
    prompt = opened_request(page)[3:].split(" | ")[0]

    press(page, "edit-request")
    expect(main(page).get_by_role("heading", level=1, name="Edit")).to_be_visible(timeout=SLOW)
    assert golden.isdecimal()  # LGA's layer; which one the slider stands at, real edits say
    expect(main(page).get_by_role("slider").first).to_have_value(RECOMMENDED, timeout=SLOW)
    settings(page)
    press(page, "edit")
    expect(key(page, "edit-verdict")).to_be_visible(timeout=PATIENT)
    settled(page)
    for side in ("before", "after"):
        expect(key(page, f"edit-{side}").get_by_text(prompt, exact=False)).to_be_visible()
    expect(key(page, "edit-after").get_by_text(f"with the edit at layer {RECOMMENDED}")).to_be_visible()

    press(page, "beside-5")
    cards = page.locator("[class*='st-key-stack-row-']")
    expect(cards).to_have_count(2, timeout=PATIENT)
    settled(page)
    expect(cards.nth(0)).to_contain_text(f"layer {RECOMMENDED}")
    expect(cards.nth(1)).to_contain_text("layer 5")
    expect(main(page).get_by_role("heading", name="The edits of stack A, one by one")).to_be_visible()

    other = new_context().new_page()
    other.goto(f"{app_url}/edit")
    settled(other)
    expect(main(other).get_by_text("No edit yet")).to_be_visible(timeout=SLOW)

    page.reload()  # a reload loses nothing
    expect(cards).to_have_count(2, timeout=SLOW)


def test_a_fact_is_edited_at_the_golden_layer_with_the_usual_settings(page: Page) -> None:
    visit(page, "Edit")
    main(page).get_by_text("Write your own", exact=True).click()
    settled(page)
    press(page, "edit-example")
    expect(main(page).get_by_role("textbox", name="New answer")).to_have_value("Rome", timeout=SLOW)
    settled(page)
    press(page, "edit-layer-recommended")
    settled(page)
    press(page, "edit")
    expect(key(page, "edit-verdict")).to_be_visible(timeout=PATIENT)
    settled(page)
    expect(key(page, "edit-verdict").get_by_text("It took", exact=False).first).to_be_visible()
    expect(key(page, "edit-before").get_by_text("Paris", exact=False).first).to_be_visible()
    expect(key(page, "edit-after").get_by_text("Rome", exact=False).first).to_be_visible()


def test_an_address_opens_inside_the_app_with_its_run_and_request(page: Page) -> None:
    visit(page, "Layer scores")
    expect(cells(page).first).to_be_attached(timeout=SLOW)
    settled(page)
    page.wait_for_url(re.compile(r"layer_scores\?.*request="))
    first = page.url
    pick(page, "scores-request", 4)
    page.wait_for_url(lambda url: "request=" in url and url != first)
    settled(page)
    wanted, address = opened_request(page), page.url
    assert wanted.startswith("5. ")
    page.context.clear_cookies()
    page.goto("about:blank")
    page.goto(address)
    settled(page)
    expect(page.get_by_test_id("stSidebarNav")).to_be_visible(timeout=SLOW)
    expect(key(page, "scores-request").get_by_role("combobox")).to_have_value(wanted, timeout=SLOW)


def test_a_cancelled_scoring_job_resumes(page: Page, app_cache: Path) -> None:
    visit(page, "Layer scores")
    before = len(score_runs(app_cache))
    page.get_by_role("button", name="Settings").click()
    pick(page, "scores-scope", 3)
    settled(page)
    page.keyboard.press("Escape")
    press(page, "score")
    press(page, "cancel-score")
    resume = key(page, "resume-score").get_by_role("button")
    expect(resume).to_be_visible(timeout=SLOW)
    expect(main(page).get_by_text("was cancelled")).to_be_visible()
    assert len(score_runs(app_cache)) == before
    resume.click()
    of = key(page, "scores-remarks")  # where it says what was computed, and of what
    expect(of.get_by_text("scope block").first).to_be_attached(timeout=PATIENT)
    settled(page)
    of.locator("summary").click()
    expect(of.get_by_text("scope block").first).to_be_visible()
    assert len(score_runs(app_cache)) == before + 1
