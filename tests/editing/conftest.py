"""The real model, loaded once."""

import pytest

from goldenlayers_core.models import ModelHandle, load_model


@pytest.fixture(scope="session")
def bundled() -> ModelHandle:
    return load_model("bundled")
