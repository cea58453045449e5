"""Foreign text is escaped wherever Streamlit would read Markdown: pages with a model loaded, without a browser.

tests/browser/test_inert.py looks at what is drawn; this looks at what is handed over: quicker, and it reaches more.
"""

import re
from collections.abc import Iterator, Mapping

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Node

from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from pages._shared import cached
from tests.hostile import LINES, TEXT, stock
from tests.pages.driving import healthy, opened, start
from tests.tiny import save_tiny

# What TEXT and LINES hold and no escaped text does.
LIVE = (
    "![evilpicture",
    "](http://evil",
    "http://evil",
    "evil@evil",
    "**evilbold",
    "_evilitalic",
    "`evilcode",
    ":red[evil",
    ":material/coronavirus:",
    "$evilformula",
    "<img src=http",
    "<script>window.evil",
    "\n# evil",
)
FIELDS = ("body", "label", "text", "help", "content")


TAGS = ("<img src=http", "<script>window.evil", "<b>evil", "<a href=")  # ... where the page writes HTML itself


def handed_over(node: Node) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every text of a page that is read as Markdown or as HTML, and what would be live in it."""
    proto = getattr(node, "proto", None)
    if proto is not None and type(proto).__name__ not in ("Arrow", "PlotlyChart", "Code"):
        for field in FIELDS:
            value = getattr(proto, field, "")
            if isinstance(value, str):
                yield value, TAGS if type(proto).__name__ == "Html" else LIVE
        for option in getattr(proto, "options", ()) if type(proto).__name__ in ("Radio", "ButtonGroup") else ():
            yield option if isinstance(option, str) else getattr(option, "content", ""), LIVE
    for child in node.children.values() if isinstance(node, Block) else ():
        yield from handed_over(child)


def live(app: AppTest) -> list[tuple[str, str]]:
    """(what is live, where it stands) of a page."""
    healthy(app)
    found = handed_over(app._tree)
    texts = ((re.sub(r"\\.", "", text), parts) for text, parts in found)  # what is escaped is not live
    return [(part, text[:200]) for text, parts in texts for part in parts if part in text]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    """A tiny model in a folder."""
    return ModelSource(str(save_tiny(tmp_path_factory.mktemp("tiny"))))


@pytest.fixture
def runs(tiny: ModelSource) -> Mapping[str, str]:
    """Hostile runs that are said to be of the model in memory; the run of each kind, by kind."""
    handle = cached.workbench().model(tiny, Progress())
    return stock(cached.workbench().root, handle.fingerprint, handle.n_layers)


def test_every_page_escapes_what_the_store_holds(tiny: ModelSource, runs: Mapping[str, str]) -> None:
    shown = {
        "score_run": runs["score"],
        "sweep_run": runs["sweep"],
        "edit_run": runs["edit"],
        "many_run": runs["many-edits"],
    }
    for page in ("home", "model", "dataset", "layer_scores", "ground_truth", "edit", "learn", "runs", "present"):
        assert not live(start(page, chosen_model=tiny, **shown)), page
    for view in ("did", "panel", "lens", "sides", "layers", "covariance", "many", "take"):
        assert not live(start("edit", chosen_model=tiny, **shown, **{"edit-view": view})), view
    for view in ("requests", "metrics", "best", "agreement", "search", "trace", "carried"):
        assert not live(opened("ground_truth", run=runs["sweep"], view=view)), view


@pytest.mark.parametrize(
    ("prompt", "subject", "new", "old"),
    [
        (f"{TEXT} is", "stranger", TEXT, TEXT),
        (f"{TEXT} is", TEXT, TEXT, TEXT),
        (f"{TEXT} is", "absent **evilbold**", "new", "old"),
        (f"{TEXT} is", "stranger", "same", "same"),
        (LINES, "evilitem", LINES, LINES),
        (TEXT, f"{TEXT} ![evilpicture](http://evil.test/p.png)", "new", ""),
    ],
)
def test_a_request_of_the_address_is_escaped(
    tiny: ModelSource, runs: Mapping[str, str], prompt: str, subject: str, new: str, old: str
) -> None:
    app = opened("edit", prompt=prompt, subject=subject, new=new, old=old, follow=LINES, stay=LINES)
    app.session_state["chosen_model"] = tiny
    assert not live(app.run())
    assert app.session_state["edit-source"] == "free"


def test_live_text_is_seen() -> None:
    app = AppTest.from_string(f"import streamlit as st; st.warning({TEXT!r}); st.button({TEXT!r})").run()
    assert {part for part, _ in live(app)} >= {
        "![evilpicture",
        "](http://evil",
        "http://evil",
        ":red[evil",
        "<img src=http",
    }
