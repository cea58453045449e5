import subprocess
import sys
from itertools import combinations
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


# Rows of linear RGB as dichromats see it: Machado, Oliveira and Fernandes (2009), severity 1
SIGHTS = {
    "normal": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))  # of linear sRGB, white D65


def seen(colour: str, sight: str) -> np.ndarray:
    """(3,) CIE L*a*b* of #rrggbb as an eye of that kind sees it."""
    parts = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    light = np.array(XYZ) @ np.clip(np.array(SIGHTS[sight]) @ linear, 0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(light > 216 / 24389, np.cbrt(light), (24389 / 27 * light + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """CIEDE2000 of two L*a*b* colours."""
    grey = np.array([np.hypot(*one[1:]), np.hypot(*other[1:])]).mean() ** 7
    stretch = 1.5 - 0.5 * np.sqrt(grey / (grey + 25**7))
    a, b = np.array([one[1], other[1]]) * stretch, np.array([one[2], other[2]])
    chroma, hue = np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360
    turn = 0.0 if chroma.prod() == 0 else (hue[1] - hue[0] + 180) % 360 - 180
    apart = 2 * np.sqrt(chroma.prod()) * np.sin(np.radians(turn / 2))
    mean_l, mean_c = (one[0] + other[0]) / 2, chroma.mean()
    mean_h = hue.sum() if chroma.prod() == 0 else (hue[0] + turn / 2) % 360
    waves = ((0.17, 1, -30), (-0.24, 2, 0), (-0.32, 3, 6), (0.20, 4, -63))
    t = 1 - sum(size * np.cos(np.radians(times * mean_h + shift)) for size, times, shift in waves)
    rotation = (
        -np.sin(np.radians(60 * np.exp(-(((mean_h - 275) / 25) ** 2)))) * 2 * np.sqrt(mean_c**7 / (mean_c**7 + 25**7))
    )
    parts = (
        (other[0] - one[0]) / (1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)),
        (chroma[1] - chroma[0]) / (1 + 0.045 * mean_c),
        apart / (1 + 0.015 * mean_c * t),
    )
    return float(np.sqrt(sum(part**2 for part in parts) + rotation * parts[1] * parts[2]))


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_marks_stand_out(theme: Colours):
    for text in (theme.ink, theme.muted, theme.gold_text):
        assert contrast(text, theme.background) >= 4.5
    for mark in (theme.slate, theme.gold, theme.blue, theme.rust):
        assert contrast(mark, theme.background) >= 3


def test_distances_are_those_of_the_published_examples():
    """Sharma, Wu and Dalal (2005), table 1, pairs 1 and 17."""
    assert difference(np.array([50, 2.6772, -79.7751]), np.array([50, 0, -82.7485])) == pytest.approx(2.0425, abs=1e-4)
    assert difference(np.array([50, 2.5, 0]), np.array([73, 25, -18])) == pytest.approx(27.1492, abs=1e-4)


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_series_are_told_apart_by_colour_blind_eyes(theme: Colours, sight: str):
    """10 is far more than the 2.3 that is just noticed; lines differ in dash and mark besides."""
    for one, other in combinations(theme.series, 2):
        assert difference(seen(one, sight), seen(other, sight)) >= 10, (one, other)
    for one, other in (("gold", "rust"), ("gold", "blue"), ("blue", "rust"), ("gold", "slate"), ("rust", "slate")):
        assert difference(seen(getattr(theme, one), sight), seen(getattr(theme, other), sight)) >= 10, (one, other)
    ends = [seen(theme.diverging[place], sight) for place in (1, -2)]
    assert difference(*ends) >= 20  # negative against positive


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_line_stands_out_from_the_page(theme: Colours):
    assert min(contrast(colour, theme.background) for colour in theme.series) >= 3


def test_grey_print_keeps_what_matters():
    """On paper, always light, the golden layer's mark and both poles differ from plain marks in lightness alone."""
    lightness = {name: seen(getattr(LIGHT, name), "normal")[0] for name in ("gold", "slate", "ink", "faint")}
    assert lightness["gold"] - lightness["slate"] >= 8
    assert lightness["slate"] - lightness["ink"] >= 20
    assert lightness["faint"] - lightness["gold"] >= 20
    shades = [seen(colour, "normal")[0] for colour in LIGHT.sequential]
    assert shades == sorted(shades, reverse=True)


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


def test_charts_of_one_row_are_equally_high_and_so_are_their_plots(scores, selection):
    sums, profile = figures.totals_bars(selection), figures.request_profile(scores, 0, selection)
    row = figures.evened(sums, profile)
    heights = {figures.untitled(each).layout.height for each in row}
    assert len(heights) == 1
    assert heights == {figures.untitled(profile).layout.height} != {figures.untitled(sums).layout.height}
    assert len({each.layout.margin.b for each in row}) == 1
    assert sums.layout.height < row[0].layout.height  # the first figure is unchanged


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
