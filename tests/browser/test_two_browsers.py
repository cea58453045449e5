"""Two browsers, one of them with two tabs, at work at once: each page shows its own work, and its result, alone."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.running import SLOW, main, settled, visit
from tests.browser.test_scores_and_edit import PATIENT, key, press
from tests.tiny import save_tiny

FORM = "/edit?model=bundled&method=rome&settings=n_templates.0~steps.{}&layer={}"


def at(context: BrowserContext, address: str) -> Page:
    """A new tab at an address."""
    page = context.new_page()
    return opened(page, address)


def opened(page: Page, address: str) -> Page:
    """The same tab at an address, typed by a person."""
    page.goto(address)
    settled(page)
    return page


def progress(page: Page) -> Locator:
    """Progress of work that this page follows; its sidebar shows the same."""
    return page.get_by_test_id("stProgress")


def rows(page: Page) -> Locator:
    """The edits of the stack on show."""
    return page.locator("[class*='st-key-stack-row-']")


def test_nobody_gets_anothers_work(new_context: Callable[..., BrowserContext], app_url: str, tmp_path: Path) -> None:
    ann, bob = new_context(), new_context()
    first, other = at(ann, app_url + "/edit"), at(bob, app_url + "/edit")
    if key(first, "edit-load").count():  # the first test of this app
        press(first, "edit-load")
        key(first, "edit").get_by_role("button").wait_for(timeout=PATIENT)
        settled(first)
    second = at(ann, app_url + "/model")
    main(second).get_by_text("Folder or GGUF file").click()
    settled(second)
    main(second).locator(".st-key-model-path input").fill(str(save_tiny(tmp_path / "tiny-of-ann")))

    # An edit in one tab, a model in the other (it waits for the edit); the other browser looks on.
    opened(first, app_url + FORM.format(60, 5))
    press(first, "edit")
    expect(progress(first).first).to_be_visible(timeout=SLOW)
    main(second).locator(".st-key-model-load button").click()
    expect(main(second).get_by_text("tiny-of-ann").first).to_be_visible(timeout=SLOW)
    other.reload()
    first.reload()  # its edit is found again, and by this tab alone
    settled(other)
    expect(progress(other)).to_have_count(0)
    expect(rows(first)).to_have_count(1, timeout=PATIENT)
    sidebars = [page.get_by_test_id("stSidebar").get_by_text("tiny-of-ann") for page in (first, second, other)]
    # Its "Loading tiny-of-ann" may still stand there for a moment, below the model's own line.
    expect(second.get_by_test_id("stSidebar").get_by_text("Model tiny-of-ann")).to_be_visible(timeout=PATIENT)
    visit(other, "Layer scores")
    for sidebar in (sidebars[0], sidebars[2]):
        expect(sidebar).to_have_count(0)

    # Scores in the other browser; this one's page of scores shows none of it.
    opened(other, f"{app_url}/layer_scores?dataset=bundled~all~400")  # long enough to be looked for, and cancelled
    press(other, "score")
    expect(progress(other).first).to_be_visible(timeout=SLOW)
    visit(first, "Layer scores")
    expect(progress(first)).to_have_count(0)
    press(other, "cancel-score")
    expect(key(other, "resume-score")).to_be_visible(timeout=SLOW)

    # The same edit in both browsers: one piece of work, told twice; and the other's stack held nothing before.
    for page in (first, other):
        opened(page, app_url + FORM.format(20, 6))
        press(page, "edit")
    expect(rows(first)).to_have_count(2, timeout=PATIENT)
    expect(rows(other)).to_have_count(1, timeout=PATIENT)
