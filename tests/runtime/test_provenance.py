"""Where a number came from, and what importing the runtime costs."""

import platform

import numpy as np

from goldenlayers_core.runtime import new_run_id, provenance
from goldenlayers_core.runtime.names import checked_name
from tests.runtime.helpers import Program


def test_provenance_names_the_machine_and_the_versions() -> None:
    found = provenance()
    assert set(found) == {"python", "platform", "cpu", "cores", "torch", "transformers", "numpy"}
    assert found["python"] == platform.python_version()
    assert found["numpy"] == np.__version__
    assert int(found["cores"]) >= 1
    assert all(value.strip() for value in found.values())


def test_the_runtime_imports_neither_torch_nor_streamlit() -> None:
    source = """
        import sys
        import goldenlayers_core.runtime
        goldenlayers_core.runtime.provenance()
        print(sorted({"torch", "transformers", "streamlit"} & set(sys.modules)))
    """
    assert Program(source).output().strip() == "[]"


def test_run_ids_are_names_and_differ() -> None:
    ids = {new_run_id("score") for _ in range(100)}
    assert len(ids) == 100
    assert {checked_name(run_id, "run") for run_id in ids} == ids
