"""The app under AppTest, each test with a store of its own and nothing left of the one before."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager

from pages._shared import cached
from tests.lending import lend_models


class NamedPages(PagesManager):
    """As in a process where `st.navigation` has run: AppTest itself begins every run with the folder pages/ instead."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        PagesManager.uses_pages_directory = False
        super().__init__(*args, **kwargs)


@contextmanager
def app_on(folder: Path) -> Iterator[Path]:
    """Pages run inside app.py, as they do for a visitor, on this cache folder; every process-wide cache is new."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOLDENLAYERS_CACHE", str(folder))
        patch.setattr("streamlit.testing.v1.app_test.PagesManager", NamedPages)
        st.cache_data.clear()
        st.cache_resource.clear()
        yield folder
        cached.workbench().close()
        st.cache_data.clear()
        st.cache_resource.clear()


@pytest.fixture(autouse=True)
def store_folder(tmp_path: Path) -> Iterator[Path]:
    """A cache folder of the test's own, with the converted model. A file may have one for all its tests instead."""
    with app_on(lend_models(tmp_path / "cache")) as folder:
        yield folder


@pytest.fixture(scope="session", autouse=True)
def scanned_once() -> Iterator[None]:
    """Which installed packages bring components: AppTest asks all of them for every session, a tenth of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            manifest_scanner, "scan_component_manifests", functools.cache(manifest_scanner.scan_component_manifests)
        )
        yield
