"""A class in four real browsers: the teacher's lesson, and three learners who followed the link."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.running import SLOW, settled
from tests.browser.test_learn import guess, key, load


def test_a_class_guesses_live(page: Page, app_url: str, new_context: Callable[..., BrowserContext]) -> None:
    page.goto(f"{app_url}/learn?view=teacher")
    button = key(page, "class-open").get_by_role("button")
    button.wait_for(timeout=SLOW)
    settled(page)
    button.click()
    link = page.get_by_text(re.compile(r"/learn\?view=class&class=\w{6}")).first
    link.wait_for(timeout=SLOW)
    address = (link.text_content() or "").strip()
    assert address.startswith(app_url)
    expect(page.get_by_text("QR code of class").first).to_be_visible(timeout=SLOW)
    learners = []
    for _ in range(3):
        other = new_context().new_page()
        other.goto(address)
        expect(other.get_by_text("The class is open.").first).to_be_visible(timeout=SLOW)
        learners.append(other)
    page.goto(f"{app_url}/learn?view=know")
    load(page, key(page, "lesson-question-know-likeliest"))
    room = key(page, "class-room-likeliest")
    expect(room).to_contain_text("No guess yet", timeout=SLOW)
    for other in learners:
        other.locator("[role='radiogroup'] label").first.click(timeout=SLOW)
        expect(other.get_by_text("Your guess is in.").first).to_be_visible(timeout=SLOW)
    expect(room).to_contain_text("3 guesses so far", timeout=SLOW)
    guess(page, "know", "likeliest")
    expect(room).to_contain_text(re.compile("[03] of 3 guesses right"), timeout=SLOW)
    for other in learners:  # told, the next question above it by itself
        expect(other.get_by_text(re.compile(r"Computed: |Right\.")).first).to_be_visible(timeout=SLOW)
