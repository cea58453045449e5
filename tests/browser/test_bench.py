"""The bench in a real browser: edits piled up, switched, moved, undone, compared; and what another browser sees."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.running import SLOW, main, settled, visit
from tests.browser.test_scores_and_edit import PATIENT, key, press, settings


def rows(page: Page) -> Locator:
    """The edits of the stack on show, from the bottom."""
    return page.locator("[class*='st-key-stack-row-']")


def names(page: Page) -> list[str]:
    """What each edit of the stack is called, in order."""
    return [
        re.sub(r"^\d+\. | · on show$", "", text)
        for text in rows(page).locator("p").filter(has_text="→").all_inner_texts()
    ]


def expect_names(page: Page, *wanted: str) -> None:
    """Wait until the stack holds exactly these edits, in this order."""
    expect(rows(page)).to_have_count(len(wanted), timeout=SLOW)
    for place, name in enumerate(wanted):
        expect(rows(page).nth(place)).to_contain_text(f"{place + 1}. {name}", timeout=SLOW)
    settled(page)


def choose(page: Page, group: str, text: str) -> None:
    """Choose an option of a segmented control."""
    key(page, group).get_by_text(text, exact=False).first.click()
    settled(page)


def enter(page: Page) -> None:
    """Edit, with a model in memory and the shortest edits."""
    visit(page, "Edit")
    if key(page, "edit-load").count():
        press(page, "edit-load")
    expect(key(page, "edit")).to_be_visible(timeout=PATIENT)
    settled(page)
    settings(page)


def test_two_edits_are_stacked_switched_moved_undone_and_compared(
    page: Page, new_context: Callable[..., BrowserContext], app_url: str
) -> None:
    enter(page)
    press(page, "edit-layer-early")
    settled(page)
    press(page, "edit")
    expect(rows(page)).to_have_count(1, timeout=PATIENT)
    settled(page)
    first = names(page)[0]
    main(page).get_by_text("Write your own", exact=True).click()
    settled(page)
    press(page, "edit-example")
    settled(page)
    press(page, "edit")
    eiffel = "The Eiffel Tower: Paris → Rome"
    expect(rows(page)).to_have_count(2, timeout=PATIENT)
    expect_names(page, first, eiffel)

    rows(page).nth(1).get_by_role("button", name="Up", exact=True).click()
    expect_names(page, eiffel, first)
    press(page, "stack-undo")
    expect_names(page, first, eiffel)
    press(page, "stack-redo")
    expect_names(page, eiffel, first)

    press(page, "stack-copy")
    settled(page)
    rows(page).nth(0).locator("[class*='st-key-stack-on-'] label").click()
    expect(key(page, "edit-stack-choice")).to_contain_text("Stack A · 1 on", timeout=SLOW)
    expect(key(page, "edit-stack-choice")).to_contain_text("Stack B · 2 on")
    settled(page)

    choose(page, "edit-view", "Side by side")
    key(page, "edit-prompts").locator("textarea").fill("The Eiffel Tower is located in the city of")
    box = page.get_by_role("spinbutton", name="New tokens", exact=True)
    box.fill("4")
    box.press("Tab")
    press(page, "sides-ask")
    cells = page.locator(".gl-sides tbody td")
    expect(cells).to_have_count(4, timeout=PATIENT)  # prompt, unedited, A without the tower, B with it
    settled(page)
    unedited, one, both = (cells.nth(place).inner_text() for place in (1, 2, 3))
    assert "Rome" not in unedited + one
    assert "Rome" in both
    expect(cells.nth(3).locator("mark").first).to_contain_text("Rome")

    other = new_context().new_page()
    other.goto(f"{app_url}/edit")
    settled(other)
    expect(main(other).get_by_text("Stack A is empty")).to_be_visible(timeout=SLOW)

    page.reload()  # the browser finds its stacks again
    expect_names(page, eiffel, first)
    expect(key(page, "edit-stack-choice")).to_contain_text("Stack A · 1 on", timeout=SLOW)
    press(page, "stack-clear")
    expect(main(page).get_by_text("Stack A is empty")).to_be_visible(timeout=SLOW)
