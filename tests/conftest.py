"""What every test stands on: a cache folder of its own, no model hub, a browser where one is asked for."""

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from goldenlayers_core.places import cache_root
from tests.lending import lend_models

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

    from goldenlayers_core.models import ModelHandle

BROWSER_TESTS = Path(__file__).parent / "browser"
RAY_TESTS = Path(__file__).parent / "ray"
TORTURE = Path(__file__).parent / "torture"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NO_HUB = "http://127.0.0.1:9"  # refuses at once: a test never leaves this machine, and "offline" is the real thing

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
"""As `make test` has it, unless it is set otherwise: on a busy machine, two threads that share a tiny matrix mostly
wait for one another."""


def pytest_configure(config: pytest.Config) -> None:
    """Before any test is imported: results land in a temporary folder, never among a person's own."""
    folder = Path(tempfile.mkdtemp(prefix="goldenlayers-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    lend_models(folder)
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)
    os.environ["GOLDENLAYERS_CACHE"] = str(folder)
    os.environ["HF_HOME"] = str(folder / "hub")
    os.environ["HF_ENDPOINT"] = NO_HUB
    for token in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        os.environ.pop(token, None)


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything under tests/browser and tests/ray carries its mark, whether its author thought of it or not. Torture
    comes first: at the end a process would be left alone with two minutes of it."""
    items.sort(key=lambda item: TORTURE not in item.path.parents)
    for item in items:
        if RAY_TESTS in item.path.parents:
            item.add_marker("ray")
        if BROWSER_TESTS in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(autouse=True)
def float64_for_xglm(request: pytest.FixtureRequest) -> Iterator[None]:
    """Its masks are made in the default number format, which must hold float64's least number in tests in float64."""
    params = getattr(request.node, "callspec", SimpleNamespace(params={})).params
    if not any(isinstance(value, str) and value == "xglm" for value in params.values()):
        yield
        return
    import torch

    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def browser_path() -> str | None:
    """The installed Chromium (or the one GOLDENLAYERS_CHROMIUM names), if any."""
    named = os.environ.get("GOLDENLAYERS_CHROMIUM")
    return next((found for name in filter(None, (named, *BROWSERS)) if (found := shutil.which(name))), None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Says why a test cannot run here; in continuous integration a missing browser is a failure."""
    if item.get_closest_marker("browser") and not (browser_path() and importlib.util.find_spec("playwright")):
        reason = f"no Chromium here (looked for {', '.join(BROWSERS)}, and at GOLDENLAYERS_CHROMIUM), or no playwright"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; in CI the browser tests must run", pytrace=False)
        pytest.skip(reason)
    if item.get_closest_marker("ray") and not importlib.util.find_spec("ray"):
        pytest.skip("Ray is not installed here: make ray")
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device here")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the Chromium that the browser tests drive."""
    path = browser_path()
    assert path, "tests that use a browser live in tests/browser or carry the mark `browser`"
    return path


@pytest.fixture(scope="session")
def browser(chromium: str) -> "Iterator[Browser]":
    """One for the session: Playwright's driver can be started once per process."""
    from playwright.sync_api import sync_playwright

    from tests.browser.running import launch

    with sync_playwright() as playwright:
        browser = launch(playwright, chromium)
        yield browser
        browser.close()


@pytest.fixture
def new_context(browser: "Browser") -> "Iterator[Callable[..., BrowserContext]]":
    """Makes browser contexts (their own cookies and choices); they are closed at the end of the test."""
    from tests.browser.running import SLOW

    made: list[BrowserContext] = []

    def make(**settings: object) -> "BrowserContext":
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **settings})  # type: ignore[arg-type]
        context.set_default_timeout(SLOW)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture(scope="session")
def bundled() -> "ModelHandle":
    """The real model, loaded once. Nothing writes a weight, and tests that could check it."""
    from goldenlayers_core.models import load_model

    return load_model("bundled")


@pytest.fixture(scope="session")
def classroom_base() -> "ModelHandle":
    """The classroom's model with nothing planted, made once per session (`make prepare` has made it, where it ran)."""
    return _classroom(None)


@pytest.fixture(scope="session")
def classroom_planted() -> "ModelHandle":
    """The classroom's model with the fact in the default layer."""
    from goldenlayers_core.models.classroom.place import DEFAULT_LAYER

    return _classroom(DEFAULT_LAYER)


def _classroom(layer: int | None) -> "ModelHandle":
    from goldenlayers_core.models import load_model
    from goldenlayers_core.models.classroom.place import source_of

    return load_model(source_of(layer), "cpu", "float32", cache=cache_root())
