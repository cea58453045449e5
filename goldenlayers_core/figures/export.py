"""Take a figure elsewhere: one self-contained HTML file, a PNG, a sentence for those who do not see it.

A PNG is drawn by Kaleido with a Chromium of this machine, in a process of its own, so that a browser that hangs can be
ended and never blocks the caller.
"""

import base64
import contextlib
import html
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Final

import plotly.graph_objects as go
import psutil

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.frame import fit_width
from goldenlayers_core.figures.text import plain, shorten

BROWSERS: tuple[str, ...] = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
PNG_WIDTH = 1200  # px before `scale`
PNG_SECONDS = 60.0
_RENDER: Final = (sys.executable, "-m", "goldenlayers_core.figures.render")

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ margin: 0; background: {background}; }} main {{ max-width: 1440px; margin: 0 auto; }}</style>
</head>
<body>
<main role="img" aria-label="{alt}">
{figure}
</main>
</body>
</html>
"""


def alt_text(figure: go.Figure) -> str:
    """What the figure shows, in words: kind of picture, finding, definition and provenance. Plain text."""
    meta = figure.layout.meta
    if isinstance(meta, Mapping) and "alt" in meta:
        return str(meta["alt"])
    parts = (figure.layout.title.text, figure.layout.title.subtitle.text)
    return ". ".join(plain(part) for part in parts if part) or "Figure"


def to_html(figure: go.Figure) -> str:
    """One HTML page that needs nothing else: plotly.js is inside (about 5 MB), hover and zoom work offline.

    The same figure gives the same page.
    """
    title = plain(figure.layout.title.text or "") or "Golden Layers"
    return _PAGE.format(
        title=html.escape(title),
        background=figure.layout.template.layout.paper_bgcolor or "#FFFFFF",
        alt=html.escape(alt_text(figure)),
        figure=figure.to_html(
            full_html=False,
            include_plotlyjs=True,
            include_mathjax=False,
            div_id="figure",  # else it is drawn by lot
            config={"responsive": True, "displaylogo": False},
        ),
    )


def find_browser(environment: Mapping[str, str] | None = None) -> str | None:
    """Path of the Chromium that draws: the one BROWSER_PATH names, else the first of `BROWSERS` on the PATH."""
    environment = os.environ if environment is None else environment
    named = environment.get("BROWSER_PATH")
    if named:
        return named if os.access(named, os.X_OK) else None
    path = environment.get("PATH", "")
    return next((found for name in BROWSERS if (found := shutil.which(name, path=path))), None)


def to_png(figure: go.Figure, width: int = PNG_WIDTH, scale: float = 2.0, seconds: float = PNG_SECONDS) -> bytes:
    """The figure as PNG, `width` x the figure's own height (700 where it has none), times `scale`, in px.

    Raises
    ------
    GoldenLayersError: Kaleido or a browser is missing, drawing failed, or took longer than `seconds`.
    """
    return to_pictures([(figure, "png")], width, scale, seconds)[0]


def to_pictures(
    drawn: Sequence[tuple[go.Figure, str]], width: int = PNG_WIDTH, scale: float = 2.0, seconds: float = PNG_SECONDS
) -> list[bytes]:
    """Figures as pictures, each in its format ("png" or "svg"), drawn one after another by one browser.

    `width` and `scale` as in `to_png`; `seconds` is the most one picture may take. Raises GoldenLayersError.
    """
    browser = _browser()
    orders = []
    for figure, form in drawn:
        fitted = fit_width(figure, width) if isinstance(figure.layout.meta, Mapping) else figure
        size = {"width": width, "height": int(fitted.layout.height or 700), "scale": scale if form == "png" else 1.0}
        orders.append({"figure": json.loads(fitted.to_json()), "format": form, **size})
    answer = _drawn(json.dumps(orders).encode(), browser, seconds, seconds * max(len(orders), 1))
    try:
        return [base64.b64decode(picture) for picture in json.loads(answer)]
    except ValueError as error:
        raise GoldenLayersError(
            f"The PNG could not be drawn with {browser} ({error}); download HTML instead."
        ) from error


def _browser() -> str:
    if importlib.util.find_spec("kaleido") is None:
        raise GoldenLayersError(
            "A PNG needs the package kaleido, which is not installed; run `pip install kaleido`, or download HTML."
        )
    browser = find_browser()
    if browser is None:
        raise GoldenLayersError("A PNG needs Chromium or Chrome, and none was found; install one, or download HTML.")
    return browser


def _drawn(orders: bytes, browser: str, each: float, seconds: float) -> bytes:
    """What `render` answers to the orders; ended, with the browser it started, when time is up."""
    with tempfile.TemporaryDirectory(prefix="goldenlayers-png-", ignore_cleanup_errors=True) as folder:
        environment = {
            **os.environ,
            "BROWSER_PATH": browser,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "TMPDIR": folder,  # the browser's profile goes there, and goes away even where the browser was killed
        }
        pipe = subprocess.PIPE
        command = [*_RENDER, str(each)]  # this Python, a module of ours and a number: nothing of a person's
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment) as process:  # nosec B603
            try:
                pictures, complaint = process.communicate(orders, timeout=seconds)
            except subprocess.TimeoutExpired:
                _end(process)
                raise GoldenLayersError(
                    f"Drawing the PNG took longer than {seconds:g} seconds and was stopped; try again or download HTML."
                ) from None
    if process.returncode != 0 or not pictures:
        reason = _reason(complaint, process.returncode)
        raise GoldenLayersError(f"The PNG could not be drawn with {browser} ({reason}); download HTML instead.")
    return pictures


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and everything it started; a browser runs in a session of its own and would stay."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.kill()
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.communicate()


def _reason(complaint: bytes, status: int) -> str:
    """The error's own words: the last line of a traceback without the exception's module and punctuation."""
    lines = [line.strip() for line in complaint.decode(errors="replace").splitlines() if line.strip()]
    if not lines:
        return f"exit status {status}"
    words = lines[-1].split(": ", 1)[-1].strip("()'\" ")
    return shorten(words.split("', '")[0].rstrip("."), 120)
