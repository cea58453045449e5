"""The app under AppTest, each test with a store of its own and nothing left of the one before."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from pages._shared import cached
from tests.lending import lend_models


class NamedPages(PagesManager):
    """As in a process where `st.navigation` has run: AppTest itself begins every run with the folder pages/ instead."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        PagesManager.uses_pages_directory = False
        super().__init__(*args, **kwargs)


@pytest.fixture(autouse=True)
def inside_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages run inside app.py, as they do for a visitor."""
    monkeypatch.setattr("streamlit.testing.v1.app_test.PagesManager", NamedPages)


@pytest.fixture(autouse=True)
def store_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder of the test's own, with the converted model; every process-wide cache is new."""
    folder = lend_models(tmp_path / "cache")
    monkeypatch.setenv("GOLDENLAYERS_CACHE", str(folder))
    st.cache_data.clear()
    st.cache_resource.clear()
    yield folder
    cached.workbench().close()
    st.cache_data.clear()
    st.cache_resource.clear()
