"""The classroom's models, made once per session (`make prepare` has made them, where it was run)."""

from pathlib import Path

import pytest

from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.models.classroom.place import DEFAULT_LAYER
from goldenlayers_core.places import cache_root


@pytest.fixture(scope="session")
def base() -> ModelHandle:
    return load_model("classroom:base", "cpu", "float32", cache=cache_root())


@pytest.fixture(scope="session")
def planted() -> ModelHandle:
    return load_model(f"classroom:{DEFAULT_LAYER}", "cpu", "float32", cache=cache_root())


@pytest.fixture
def cache() -> Path:
    return cache_root()
