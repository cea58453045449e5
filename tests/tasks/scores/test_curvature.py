"""What general text weighs in a model's layers is summed up once, over the model's own text, and then read."""

import torch

from goldenlayers_core.attribution.damage import curvatures
from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import open_workbench
from goldenlayers_core.tasks.scores.curvature import LENGTH, ROWS, curvatures_of, own_rows
from tests.tiny import save_tiny


def test_kept_in_the_store_as_it_was_computed(tmp_path):
    bench = open_workbench(tmp_path / "cache")
    handle = bench.model(ModelSource(str(save_tiny(tmp_path / "tiny"))))
    told: list[str] = []
    progress = Progress(lambda done, total, note: told.append(note))
    first = curvatures_of(bench.store, handle, progress)
    assert told
    told.clear()
    again = curvatures_of(bench.store, handle, progress)
    assert not told  # nothing was computed
    rows = own_rows(handle)
    assert rows.shape == (ROWS, LENGTH)
    assert not set(rows[:, 2:].flatten().tolist()) & set(handle.tokenizer.all_special_ids)
    torch.testing.assert_close(own_rows(handle), rows)
    fresh = curvatures(handle, rows.split(8))
    for layer in range(handle.n_layers):
        for name in ("keys", "gradients"):
            torch.testing.assert_close(getattr(again[layer], name), getattr(first[layer], name))
            torch.testing.assert_close(getattr(first[layer], name), getattr(fresh[layer], name))
    bench.close()
