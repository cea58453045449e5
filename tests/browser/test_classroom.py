"""The classroom in a real browser: a fact is planted in a layer, looked for in every way, and taken to the tools."""

import re

from playwright.sync_api import Page, expect

from tests.browser.running import LONGEST, SLOW, length, main, settled
from tests.browser.test_learn import PATIENT, figure, guess, key, press

LAYER = 2


def test_a_planted_fact_is_looked_for_and_taken_to_the_tools(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/learn?view=classroom")
    settled(page)
    key(page, "classroom-layer").get_by_role("radio", name=str(LAYER), exact=True).click()
    press(page, "classroom-go")
    box = guess(page, "classroom", "found")
    expect(box).to_contain_text("You said:")
    expect(figure(page, f"classroom-{LAYER}")).to_be_visible(timeout=PATIENT)
    ways = key(page, f"figure-classroom-{LAYER}").get_by_test_id("stPlotlyChart")
    expect(ways).to_have_attribute("aria-label", re.compile(rf"over 8 layers\. .*[Pp]lanted in layer {LAYER}"))
    guess(page, "classroom", "edit")
    expect(main(page).get_by_text("Repeat it for the other 7 layers")).to_be_visible(timeout=SLOW)

    page.reload()  # what was planted is kept, and so are the guesses
    settled(page)
    expect(figure(page, f"classroom-{LAYER}")).to_be_visible(timeout=SLOW)

    page.set_viewport_size({"width": 390, "height": 844})
    expect(key(page, "unfold-lesson-classroom-ways")).to_be_visible()
    page.wait_for_timeout(600)
    assert length(page) <= LONGEST
    page.set_viewport_size({"width": 1280, "height": 720})
    main(page).get_by_role("button", name="Score this model's layers").click()
    expect(main(page).get_by_role("heading", level=1, name="Layer scores")).to_be_visible(timeout=SLOW)
    settled(page)
    expect(page.get_by_test_id("stSidebar")).to_contain_text("classroom", timeout=SLOW)
