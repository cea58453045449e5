"""A link that one person copies opens the same view for another; Back goes one view at a time."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks import DatasetChoice
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from tests.browser.conftest import listen
from tests.browser.running import SLOW, main, settled, visit
from tests.made_up import made_sweep

CHOICE = DatasetChoice("bundled", "proxy", 4)


@pytest.fixture
def run_id(app_cache: Path) -> Iterator[str]:
    """A stored sweep of made-up numbers."""
    store = Store(app_cache)
    made = save_sweep(store, SweepQuestion(choice=CHOICE, layers=(0, 3, 6)), made_sweep(4, (0, 3, 6)))
    yield made
    store.delete_run(made)


def copied(page: Page) -> str:
    """The address that "Copy link" hands on."""
    page.get_by_test_id("stSidebar").get_by_role("button", name="Copy link").click()
    shown = page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")
    text = shown.inner_text(timeout=SLOW).strip()
    page.keyboard.press("Escape")
    return re.sub(r"\s", "", text)


def test_a_link_opens_the_view_elsewhere_and_back_goes_one_view_at_a_time(
    page: Page, app_url: str, new_context: Callable[..., BrowserContext], run_id: str, complaints: list[str]
) -> None:
    visit(page, "Ground truth")
    page.goto(f"{app_url}/ground_truth?run={run_id}")
    settled(page)
    main(page).get_by_text("Metrics by layer", exact=True).click()
    expect(page).to_have_url(re.compile("view=metrics"), timeout=SLOW)
    settled(page)
    link = copied(page)
    assert link == page.url

    other = new_context().new_page()  # no cookie, nothing chosen
    listen(other, complaints)
    other.goto(link)
    settled(other)
    expect(other).to_have_url(link)
    chosen = main(other).get_by_role("radio", name="Metrics by layer")
    expect(chosen).to_be_checked(timeout=SLOW)
    assert not other.locator(".st-key-link-notices").count()

    visit(other, "Runs")
    other.go_back()
    expect(other).to_have_url(link, timeout=SLOW)
    expect(main(other).get_by_role("heading", level=1, name="Ground truth")).to_be_visible(timeout=SLOW)

    other.goto(f"{app_url}/ground_truth?run=sweep-nowhere&model=bundled&dataset=bundled~proxy~4")
    settled(other)
    notice = other.locator(".st-key-link-notices")
    expect(notice).to_contain_text("The run sweep-nowhere is not in this store", timeout=SLOW)
    expect(notice.get_by_role("button", name="Sweep it here")).to_be_visible(timeout=SLOW)
    notice.get_by_role("button", name="Dismiss").click()
    expect(notice).to_have_count(0, timeout=SLOW)
