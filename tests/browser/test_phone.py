"""On a phone: no page is long before something is opened, what is folded away opens, by hand and by an address."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.running import PAGES, main, running_app, settled, visit
from tests.browser.stocked import save_big, stock
from tests.browser.test_axe import opened
from tests.browser.test_scores_and_edit import OURS, PATIENT, key, press, settings
from tests.lending import lend_models

LONGEST: Final = 4_000  # px
SIZE: Final = {"width": 390, "height": 844}
EDIT_VIEWS: Final = ("did", "travel", "lens", "layers", "covariance", "many", "take")

# Per chart: how many lines of grey text stand directly above it.
GREY: Final = """() => [...document.querySelectorAll('[data-testid="stPlotlyChart"]')].map((chart) => {
  let at = chart.closest('[data-testid="stElementContainer"]'), lines = 0;
  if (!at || !at.offsetHeight) return 0;
  for (at = at.previousElementSibling; at; at = at.previousElementSibling) {
    const grey = at.querySelector('[data-testid="stCaptionContainer"] p');
    if (!grey) break;
    lines += Math.round(grey.getBoundingClientRect().height / parseFloat(getComputedStyle(grey).lineHeight));
  }
  return lines;
})"""


@pytest.fixture(scope="module")
def used(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, object, dict[str, str]]]:
    """The app on a store with a run of every kind: its address, the cookie of a browser that has made an edit there,
    and the runs by kind."""
    cache: Path = lend_models(tmp_path_factory.mktemp("phone"))
    save_big(cache, 8, 30)  # a second score run, to compare with
    runs = dict(stock(cache, OURS.fingerprint))
    with running_app(cache) as url:
        page = opened(browser, url)
        visit(page, "Edit")
        press(page, "edit-load")
        expect(key(page, "edit")).to_be_visible(timeout=PATIENT)
        settled(page)
        settings(page)
        press(page, "edit")
        expect(key(page, "edit-verdict")).to_be_visible(timeout=PATIENT)
        settled(page)
        kept = page.context.storage_state()
        page.context.close()
        yield url, kept, runs


@pytest.fixture
def phone(new_context: Callable[..., BrowserContext], used: tuple[str, object, dict[str, str]]) -> Page:
    """The same browser on a phone."""
    return new_context(viewport=SIZE, storage_state=used[1]).new_page()


def go(page: Page, address: str) -> None:
    """Open an address, and wait until its charts have taken their height."""
    page.goto(address)
    settled(page)
    page.wait_for_timeout(600)
    settled(page)


def switches(page: Page) -> list[str]:
    """The names of the parts that are folded away."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('[class*="st-key-unfold-"]')].filter(node => node.offsetHeight).map(
        node => node.className.match(/st-key-unfold-(\\S+)/)[1])"""
    )
    return found


def test_no_page_is_long_before_something_is_opened(phone: Page, used: tuple[str, object, dict[str, str]]) -> None:
    url = used[0]
    addresses = {name: "" if name == "Home" else name.lower().replace(" ", "_") for name in PAGES}
    addresses |= {f"Edit, {view}": f"edit?view={view}" for view in EDIT_VIEWS}
    lengths, greys = {}, {}
    for name, address in addresses.items():
        go(phone, f"{url}/{address}")
        lengths[name] = int(main(phone).evaluate("node => node.scrollHeight"))
        greys[name] = max(phone.evaluate(GREY), default=0)
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}, lengths
    assert {name: lines for name, lines in greys.items() if lines > 2} == {}, greys


@pytest.mark.parametrize("name", ["layer_scores", "ground_truth", "edit", "runs"])
def test_what_a_phone_folds_away_opens_with_its_charts_as_wide_as_the_page(
    phone: Page, used: tuple[str, object, dict[str, str]], name: str
) -> None:
    go(phone, f"{used[0]}/{name}")
    closed = switches(phone)
    assert closed
    for part in closed:
        assert not key(phone, f"folded-{part}").is_visible(), part
        key(phone, f"unfold-{part}").locator("label").click()
        expect(key(phone, f"folded-{part}")).to_be_visible()
        settled(phone)
        for chart in key(phone, f"folded-{part}").locator(".js-plotly-plot:visible").all():
            expect(chart.locator(".main-svg").first).to_be_visible()
            box = chart.locator(".main-svg").first.bounding_box()
            assert box
            assert 300 < box["width"] <= 390, (part, box)
    phone.set_viewport_size({"width": 1280, "height": 800})
    assert not switches(phone)
    assert all(key(phone, f"folded-{part}").is_visible() for part in closed)


def test_an_address_opens_the_part_it_points_into(phone: Page, used: tuple[str, object, dict[str, str]]) -> None:
    url, _, runs = used
    for address, part in (
        (f"ground_truth?run={runs['sweep']}&view=metrics", "truth-closer"),
        (f"layer_scores?run={runs['score']}&layer=3", "scores-request"),
        (f"runs?a={runs['score']}", "runs-compare"),
        ("edit?prompt=The%20capital%20of%20France%20is&subject=France&new=Rome", "edit-inputs"),
    ):
        go(phone, f"{url}/{address}")
        expect(key(phone, f"folded-{part}")).to_be_visible()


def test_a_new_edit_closes_what_it_was_chosen_in(phone: Page, used: tuple[str, object, dict[str, str]]) -> None:
    go(phone, f"{used[0]}/edit")
    key(phone, "unfold-edit-inputs").locator("label").click()
    key(phone, "edit-layer-middle").get_by_role("button").click()
    settled(phone)
    press(phone, "edit")
    expect(key(phone, "folded-edit-inputs")).to_be_hidden(timeout=PATIENT)
    expect(key(phone, "edit-verdict")).to_be_visible(timeout=PATIENT)
