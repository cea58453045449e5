"""A chart of a page is drawn once, although Streamlit hands it to plotly twice, and its words have room at once."""

import json
from pathlib import Path
from typing import Final

import plotly
import pytest
from playwright.sync_api import Browser

from goldenlayers_core import figures
from goldenlayers_core.attribution.selection import select
from tests.browser.stocked import made_scores

pytestmark = pytest.mark.browser

PLOTLY: Final = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
# Draws as Streamlit's chart does: anew, then from the same JSON. What the second drawing changed, and the room taken.
TWICE: Final = """async ([told, width]) => {
const node = document.getElementById('chart'), config = {responsive: true, displayModeBar: false};
const figure = () => { const made = JSON.parse(told); made.layout.width = width; return made; };
const draw = (how, made) => how(node, made.data, made.layout, config);
await draw(Plotly.newPlot, figure());
await new Promise(done => setTimeout(done, 50));
let changes = 0;
const watch = new MutationObserver(list => { changes += list.length; });
watch.observe(node, {subtree: true, childList: true, attributes: true});
await draw(Plotly.react, figure());
await new Promise(done => setTimeout(done, 50));
watch.disconnect();
const {l, r, t, b} = node._fullLayout._size;
return {changes, room: [l, r, t, b].map(Math.round)};
}"""


@pytest.mark.parametrize("name", ["heatmap", "profile", "sums", "best layers"])
def test_the_second_drawing_changes_nothing(browser: Browser, name: str) -> None:
    scores = made_scores(32, 30)
    selection = select(scores.values)
    drawn = {
        "heatmap": lambda: figures.scores_heatmap(scores, selection),
        "profile": lambda: figures.request_profile(scores, 0, selection),
        "sums": lambda: figures.totals_bars(selection),
        "best layers": lambda: figures.best_layer_distribution(scores, selection),
    }[name]()
    shown = figures.for_screen(drawn, titled=False).to_json(validate=False)
    page = browser.new_page()
    try:
        page.set_content("<div id=chart></div>")
        page.add_script_tag(path=PLOTLY)
        found = page.evaluate(TWICE, [shown, 1100])
    finally:
        page.close()
    margin = json.loads(shown)["layout"]["margin"]
    assert found == {"changes": 0, "room": [margin[side] for side in ("l", "r", "t", "b")]}
