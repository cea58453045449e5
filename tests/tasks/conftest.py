"""What tests of tasks stand on: a workbench with a store of its own, and a tiny model in a folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.tasks import Workbench, open_workbench
from tests.lending import lend_models
from tests.tiny import save_tiny


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    """A workbench on an empty store, with the converted models lent to it."""
    made = open_workbench(lend_models(tmp_path / "cache"))
    yield made
    made.close()


@pytest.fixture
def tiny(tmp_path: Path) -> ModelSource:
    """A random Llama of three layers."""
    return ModelSource(str(save_tiny(tmp_path / "tiny")))
