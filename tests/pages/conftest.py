"""The app under AppTest, each test with a store of its own and nothing left of the one before."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from pages._shared import cached
from tests.lending import lend_models


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
