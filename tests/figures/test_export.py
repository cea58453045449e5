import html
import os
import struct
import sys
import time
from dataclasses import replace

import plotly.graph_objects as go
import psutil
import pytest

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures import alt_text, scores_heatmap, to_html, to_png, totals_bars
from goldenlayers_core.figures.export import find_browser

needs_browser = pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome on this machine")


def test_html_stands_alone(scores, selection):
    page = to_html(scores_heatmap(scores, selection))
    assert page.startswith("<!DOCTYPE html>")
    assert "plotly.js v" in page  # the library itself
    assert "<script src=" not in page
    assert "cdn.plot.ly/plotly" not in page.split("Plotly.newPlot")[-1]
    assert f"<title>Layer {selection.golden_layer} is the golden layer" in page
    assert html.escape(alt_text(scores_heatmap(scores, selection))) in page


def test_html_is_not_opened_by_a_prompt(scores, selection):
    dirty = replace(scores, prompts=("</script><script>alert(1)</script>", *scores.prompts[1:]))
    page = to_html(scores_heatmap(dirty, selection))
    assert "<script>alert(1)" not in page
    assert page.count("</script>") == to_html(scores_heatmap(scores, selection)).count("</script>")


def test_alt_text_says_kind_finding_and_provenance(scores, selection):
    text = alt_text(scores_heatmap(scores, selection))
    assert text.startswith("Heatmap of 32 requests by 30 layers. Layer ")
    assert "nats²" in text
    assert "<br>" not in text


def test_alt_text_of_a_strange_figure():
    assert alt_text(go.Figure()) == "Figure"
    strange = go.Figure(layout={"title": {"text": "A <b>title</b><br>of two &amp; more"}})
    assert alt_text(strange) == "A title of two & more"


def test_a_missing_browser_is_one_sentence(selection, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("BROWSER_PATH", raising=False)
    with pytest.raises(GoldenLayersError, match=r"^A PNG needs Chromium or Chrome, and none was found;.*HTML\.$"):
        to_png(totals_bars(selection))


def test_browser_path_comes_first():
    assert find_browser({"BROWSER_PATH": sys.executable, "PATH": os.defpath}) == sys.executable
    assert find_browser({"BROWSER_PATH": "/nowhere/chromium", "PATH": os.environ["PATH"]}) is None


def test_a_browser_that_fails_is_one_sentence(selection, monkeypatch, tmp_path):
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("BROWSER_PATH", str(broken))
    # kaleido now and then waits for a browser that has already ended; then the time limit speaks
    sentences = (
        r"^(The PNG could not be drawn with .*; download HTML instead|Drawing the PNG took longer than 20 .*)\.$"
    )
    with pytest.raises(GoldenLayersError, match=sentences):
        to_png(totals_bars(selection), seconds=20)


def test_a_browser_that_hangs_is_ended(selection, monkeypatch, tmp_path):
    hanging = tmp_path / "chromium"
    hanging.write_text("#!/bin/sh\nsleep 300\n")
    hanging.chmod(0o755)
    monkeypatch.setenv("BROWSER_PATH", str(hanging))
    start = time.monotonic()
    with pytest.raises(GoldenLayersError, match="took longer than 4 seconds"):
        to_png(totals_bars(selection), seconds=4)
    assert time.monotonic() - start < 30
    alive = [process for process in psutil.process_iter(["cmdline"]) if str(hanging) in (process.info["cmdline"] or [])]
    assert not alive


@needs_browser
def test_png_has_the_size_asked_for(selection):
    figure = totals_bars(selection)
    picture = to_png(figure, width=800, scale=1)
    assert picture.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", picture[16:24])
    assert width == 800
    assert 400 < height <= figure.layout.height
