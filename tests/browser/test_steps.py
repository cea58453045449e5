"""Step by step: the heatmap walked with the arrow keys, the travelling edit played and stepped."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.in_use import InUse, opened
from tests.browser.running import SLOW, main, settled
from tests.browser.test_axe import focused
from tests.browser.test_scores_and_edit import PATIENT, key, opened_request

LAST = 29  # layer of the bundled model


def layer_opened(page: Page) -> int:
    """The layer of the cell that is open, as the panel names it."""
    cell = main(page).locator("tr", has_text="the cell you clicked").locator("strong")
    return int(cell.inner_text(timeout=SLOW))


def test_the_arrow_keys_walk_the_heatmap_and_the_panel_follows(browser: Browser, in_use: InUse) -> None:
    page = opened(browser, f"{in_use.url}/layer_scores?run={in_use.runs['score']}", kept=in_use.kept)
    expect(key(page, "walk-scores-up").get_by_role("button")).to_be_visible(timeout=SLOW)  # buttons may be loaded late
    key(page, "scores-order").get_by_role("radio", name="best layer").focus()
    page.keyboard.press("Tab")
    if "scores-order" in focused(page):  # the explanation of the order is a stop of its own
        page.keyboard.press("Tab")
    assert "walk-scores" in focused(page)
    before = opened_request(page)
    page.keyboard.press("ArrowDown")
    expect(key(page, "scores-request").get_by_role("combobox")).not_to_have_value(before, timeout=SLOW)
    settled(page)
    below, at = opened_request(page), layer_opened(page)
    expect(main(page).get_by_role("heading", level=3, name=below[3:].split(" | ")[0].strip()).first).to_be_visible()
    assert "walk-scores-down" in focused(page)
    page.keyboard.press("ArrowLeft")
    expect(main(page).locator("tr", has_text="the cell you clicked")).to_contain_text(str(at - 1), timeout=SLOW)
    settled(page)
    assert opened_request(page) == below
    page.keyboard.press("ArrowUp")
    expect(key(page, "scores-request").get_by_role("combobox")).to_have_value(before, timeout=SLOW)
    settled(page)
    assert layer_opened(page) == at - 1
    page.context.close()


def test_the_travelling_edit_plays_layer_by_layer_and_stops_at_the_top(browser: Browser, in_use: InUse) -> None:
    page = opened(browser, f"{in_use.url}/edit?view=travel", kept=in_use.kept)
    slider = key(page, "travel-at-edit").get_by_role("slider")
    expect(slider).to_have_value(str(LAST), timeout=PATIENT)
    settled(page)
    play = key(page, "travel-play-edit").get_by_role("button")
    play.click()
    expect(play).to_have_text(re.compile("Stop"), timeout=SLOW)
    expect(slider).not_to_have_value(str(LAST), timeout=SLOW)  # it stood there before it was played
    seen = [int(slider.input_value())]
    while "Stop" in play.inner_text():
        seen.append(int(slider.input_value()))
        page.wait_for_timeout(200)
        assert len(seen) < 2_000
    assert seen == sorted(seen)
    assert len(set(seen)) > 5
    expect(slider).to_have_value(str(LAST))
    settled(page)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(main(page).get_by_role("heading", name=re.compile(f"^After layer {LAST - 1},"))).to_be_visible(timeout=SLOW)
    page.context.close()
