"""What is made once: pages run again at every click."""

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.results import LayerScores
from goldenlayers_core.runtime import Store, atomic
from pages._shared import cached
from tests.browser.stocked import made_scores
from tests.pages.driving import healthy, stored_edit, stored_scores


def test_what_is_asked_for_again_is_the_same_object():
    scores, other = made_scores(3, 4), made_scores(3, 4)
    table = cached.once(LayerScores.to_frame, scores)
    assert cached.once(LayerScores.to_frame, scores) is table
    assert cached.once(LayerScores.to_frame, other) is not table  # equal, but another result
    assert cached.once(LayerScores.best_frame, scores) is not table
    assert cached.once(np.full, 3, 1.0) is cached.once(np.full, 3, 1.0)
    assert cached.once(np.full, 3, 1.0).tolist() != cached.once(np.full, 3, 2.0).tolist()
    assert cached.once(np.full, 3, fill_value=1.0) is not cached.once(np.full, 3, 1.0)


def test_what_cannot_be_made_says_so_each_time():
    asked: list[int] = []

    def refuse(number: int) -> int:
        asked.append(number)
        raise ConfigError("No.")

    for _ in range(2):
        with pytest.raises(ConfigError):
            cached.once(refuse, 1)
    assert asked == [1, 1]


def test_a_freed_object_does_not_lend_its_number_to_another():
    tables = [cached.once(LayerScores.to_frame, made_scores(size, 2)) for size in range(1, 20)]
    assert [len(table) for table in tables] == [2 * size for size in range(1, 20)]


def test_a_stored_result_is_read_once_and_anew_when_it_was_written_anew():
    first = stored_scores()
    found = cached.scores(first)
    assert cached.scores(first) is found
    assert stored_scores(dataset="other") != first
    assert cached.scores(first) is found
    stored_scores()
    assert cached.scores(first) is not found


def test_manifests_are_read_only_when_their_files_change(monkeypatch):
    ids = [stored_scores(seed=seed) for seed in range(3)] + [stored_edit()]
    read: list[str] = []
    whole = atomic.read_bytes
    monkeypatch.setattr(atomic, "read_bytes", lambda path: read.append(path.parent.name) or whole(path))
    store = cached.workbench().store
    store.runs()
    read.clear()
    assert {m.run_id for m in store.runs()} == set(ids)
    assert store.manifest(ids[0]).run_id == ids[0]
    assert read == []
    Store(store.root).rename_run(ids[1], "Renamed elsewhere")
    read.clear()
    assert store.manifest(ids[1]).title == "Renamed elsewhere"
    assert "Renamed elsewhere" in {m.title for m in store.runs()}
    assert read == [ids[1]]
    Store(store.root).delete_run(ids[2])
    assert {m.run_id for m in store.runs()} == {ids[0], ids[1], ids[3]}


def _long_table() -> None:
    import pandas as pd

    from pages._shared import show

    show.paged(pd.DataFrame({"number": range(1_200)}), "long")


def test_a_long_table_comes_in_pages():
    app = healthy(AppTest.from_function(_long_table).run())
    assert app.dataframe[0].value["number"].tolist() == list(range(500))
    app.session_state["table-page-long"] = 3
    app.run()
    assert app.dataframe[0].value["number"].tolist() == list(range(1_000, 1_200))
    assert "Rows 1,001 to 1,200." in [caption.value for caption in app.caption]


def test_the_table_of_best_layers_says_what_the_long_one_says():
    scores = made_scores(5, 6)
    best = scores.to_frame().sort_values("value", ascending=False).drop_duplicates("request").sort_index()
    found = scores.best_frame()
    assert found["best_layer"].tolist() == best["layer"].tolist() == scores.best_layers.tolist()
    pd.testing.assert_series_equal(found["value"], best["value"].reset_index(drop=True))
