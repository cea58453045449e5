"""On a desk: what stands in one row stands in one row, and is as high as its neighbours."""

from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.in_use import InUse
from tests.browser.running import settled

SIZE: Final = {"width": 1440, "height": 900}
PAGES: Final = (
    "",
    "layer_scores",
    "ground_truth",
    "ground_truth?view=metrics",
    "ground_truth?view=requests",
    "edit?view=did",
    "edit?view=travel",
    "edit?view=lens",
    "edit?view=take",
    "edit?view=panel",
    "runs",
)

# Per row (columns, or a container whose parts stand side by side): what is uneven in it.
UNEVEN: Final = """() => {
  const near = (numbers) => Math.max(...numbers) - Math.min(...numbers) <= 1;
  const seen = (nodes) => [...nodes].filter((node) => node.getClientRects().length);
  const name = (row) => row.className.match(/st-key-\\S+/)?.[0] ?? row.innerText.slice(0, 40);
  const found = [];
  for (const row of document.querySelectorAll('[data-testid="stMain"] [data-testid="stHorizontalBlock"]')) {
    const own = (node) => node.parentElement.closest('[data-testid="stHorizontalBlock"]') === row;
    const mine = (what) => seen(row.querySelectorAll(what)).filter(own);
    const box = (node) => node.getBoundingClientRect();
    const metrics = mine('[data-testid="stMetric"]').map((node) => box(node).top);
    if (metrics.length > 1 && !near(metrics)) found.push(`metrics of ${name(row)} start at ${metrics}`);
    const buttons = mine('button[data-testid^="stBaseButton-"]:not([data-testid*="segmented"])');
    const heights = buttons.map((node) => box(node).height);
    if (buttons.length > 1 && !near(heights)) found.push(`buttons of ${name(row)} are ${heights} px high`);
    const beside = '[class*="st-key-figure-travel-tokens"], [class*="st-key-figure-own-tokens"]';  // as high as needed
    const columns = seen(row.children).map((node) =>
      seen(node.querySelectorAll('.js-plotly-plot')).filter((plot) => !plot.closest(beside)));
    const charts = columns.filter((plots) => plots.length === 1).map(([plot]) => box(plot).height);
    if (charts.length > 1 && !near(charts)) found.push(`charts of ${name(row)} are ${charts} px high`);
  }
  return found;
}"""


@pytest.fixture
def desk(new_context: Callable[..., BrowserContext], in_use: InUse) -> Page:
    """The browser that made the edit, on a desk."""
    return new_context(viewport=SIZE, storage_state=in_use.kept).new_page()


def test_metrics_charts_and_buttons_of_one_row_are_even(desk: Page, in_use: InUse) -> None:
    uneven = {}
    for address in PAGES:
        desk.goto(f"{in_use.url}/{address}")
        settled(desk)
        desk.wait_for_timeout(600)
        settled(desk)
        if found := desk.evaluate(UNEVEN):
            uneven[address] = found
    assert not uneven


def test_what_is_uneven_is_found(desk: Page, in_use: InUse) -> None:
    desk.goto(f"{in_use.url}/layer_scores")
    settled(desk)
    desk.wait_for_timeout(600)
    desk.add_style_tag(
        content='[data-testid="stMetric"]:has(+ *), [data-testid="stElementContainer"]:first-child > '
        '[data-testid="stMetric"] { margin-top: 20px } '
        '[data-testid="stHorizontalBlock"] > :first-child button { min-height: 90px } '
        '[data-testid="stColumn"]:first-child .js-plotly-plot { height: 100px !important }'
    )
    said = ""
    for _ in range(40):  # a chart is drawn some time after its page has ended
        said = " ".join(desk.evaluate(UNEVEN))
        if all(f"{what} of " in said for what in ("metrics", "buttons", "charts")):
            return
        desk.wait_for_timeout(500)
    raise AssertionError(said)
