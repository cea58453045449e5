import subprocess
import sys
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from goldenlayers_core import figures
from goldenlayers_core.figures.frame import fit_width
from goldenlayers_core.figures.text import plain
from goldenlayers_core.figures.theme import DARK, LIGHT, Colours


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2)."""
    parts = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_marks_stand_out(theme: Colours):
    for text in (theme.ink, theme.muted, theme.gold_text):
        assert contrast(text, theme.background) >= 4.5
    for mark in (theme.slate, theme.gold, theme.blue, theme.rust):
        assert contrast(mark, theme.background) >= 3


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_scales_move_away_from_the_background_step_by_step(theme: Colours):
    middle = len(theme.diverging) // 2
    away = [contrast(colour, theme.background) for colour in theme.diverging]
    assert away[: middle + 1] == sorted(away[: middle + 1], reverse=True)
    assert away[middle:] == sorted(away[middle:])
    shares = [contrast(colour, theme.background) for colour in theme.sequential]
    assert shares == sorted(shares)


@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_wears_the_theme(scores, selection, report, dark):
    drawn = [
        figures.scores_heatmap(scores, selection, dark=dark),
        figures.totals_bars(selection, dark),
        figures.best_layer_distribution(scores, selection, dark=dark),
        figures.best_layer_distribution(scores, selection, by_relation=True, dark=dark),
        figures.request_profile(scores, 0, selection, dark),
        figures.top_tokens(report.before, report.after, dark),
        figures.probe_changes(report, dark),
        figures.compare_runs(scores, scores, selection, selection, dark),
    ]
    for figure in drawn:
        assert isinstance(figure, go.Figure)
        assert figure.layout.template.layout.paper_bgcolor == (DARK if dark else LIGHT).background
        assert figure.layout.width is None  # as wide as the page
        assert figure.layout.title.text
        assert figure.layout.title.subtitle.text
        assert all(len(plain(line)) <= 38 for line in figure.layout.title.text.split("<br>"))


def test_a_wider_screen_takes_fewer_lines_and_keeps_the_plot(scores, selection):
    narrow = figures.scores_heatmap(scores, selection)
    wide = fit_width(narrow, 1200)
    assert plain(wide.layout.title.subtitle.text) == plain(narrow.layout.title.subtitle.text)
    assert wide.layout.title.subtitle.text.count("<br>") < narrow.layout.title.subtitle.text.count("<br>")
    assert wide.layout.height - wide.layout.margin.t == narrow.layout.height - narrow.layout.margin.t
    assert narrow.layout.height > wide.layout.height  # the first figure is unchanged


def test_figures_need_neither_torch_nor_streamlit():
    command = (
        "import sys, goldenlayers_core.figures; "
        "print([name for name in ('torch', 'transformers', 'streamlit', 'kaleido') if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", command],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert answer.stdout.strip() == "[]"
