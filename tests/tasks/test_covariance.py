"""Key covariances as work: estimated once, kept per layer, told apart in sweeps, read by edits that ask."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import numpy as np
import pandas as pd
import pytest
import torch

from goldenlayers_core.datasets.table import check_size
from goldenlayers_core.editing import get_method
from goldenlayers_core.errors import Cancelled, ConfigError, DatasetError
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, Workbench
from goldenlayers_core.tasks.corpus import keep_text, read_corpus
from goldenlayers_core.tasks.covariance import estimated, moments_for, moments_key
from goldenlayers_core.tasks.edit.one_edit import edit, open_edit
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.edit.supplies import supplies_of
from goldenlayers_core.tasks.questions import CovarianceQuestion, SweepQuestion
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.stored_covariance import cards, covariance_gains, open_layer, save_card
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep
from goldenlayers_core.tasks.truth.sweep import Bed, sweep
from tests.models.hub_server import Hub, running_hub

TEXT = "The capital of France is Paris and the capital of Italy is Rome. Who wrote Hamlet? Shakespeare wrote it. " * 20
FRANCE = EditRequest("c1", "The capital of France is", "France", "Rome", "Paris")
BRAZIL = EditRequest("c2", "The language spoken in Brazil is", "Brazil", "Japanese", "Portuguese")


@pytest.fixture
def few(bench: Workbench, tiny: ModelSource) -> None:
    """Samples of some hundred tokens are stored, which is plenty for 48 directions."""
    estimated(bench, CovarianceQuestion(tiny, tokens=640), Progress())


def test_an_estimate_is_stored_and_not_made_twice(bench: Workbench, tiny: ModelSource) -> None:
    question = CovarianceQuestion(tiny, tokens=640)
    card = estimated(bench, question, Progress())
    assert card.layers == (0, 1, 2)
    assert (card.n_tokens, card.width, card.kind) == (640, 48, "samples")
    assert all(c > 1 for c in card.conditions)
    second = open_layer(bench.store, card.key, 1)
    assert np.array_equal(second, second.T)
    told: list[str] = []
    again = estimated(bench, question, Progress(lambda _done, _total, note: told.append(note)))
    assert told[-1] == "In the store already"
    assert again.key == card.key
    found = moments_for(bench, bench.model(tiny), "samples", [1, 2], Progress())
    assert torch.equal(found[1].second, torch.from_numpy(second))
    assert (found[1].origin, found[1].shrinkage) == (card.origin, 0.01)
    # one factorisation serves every edit
    assert moments_for(bench, bench.model(tiny), "samples", [1], Progress())[1] is found[1]
    more = estimated(bench, dataclasses.replace(question, shrinkage=0.5), Progress())
    assert more.conditions[0] < card.conditions[0]
    assert moments_for(bench, bench.model(tiny), "samples", [1], Progress())[1].shrinkage == 0.5


def test_only_the_layers_asked_for_and_later_the_others(bench: Workbench, tiny: ModelSource) -> None:
    first = estimated(bench, CovarianceQuestion(tiny, tokens=640, layers=(1,)), Progress())
    assert first.layers == (1,)
    every = estimated(bench, CovarianceQuestion(tiny, tokens=640), Progress())
    assert (every.key, every.layers, every.conditions[1]) == (first.key, (0, 1, 2), first.conditions[0])


def test_cancelling_and_bad_questions(bench: Workbench, tiny: ModelSource, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        estimated(bench, CovarianceQuestion(tiny, tokens=640), Progress(cancelled=lambda: True))
    assert not cards(bench.store)
    for changes, error, says in (
        ({"tokens": 3}, ConfigError, "give at least 64"),
        ({"shrinkage": 0.0}, ConfigError, "between 0 and 1"),
    ):
        with pytest.raises(error, match=says):
            CovarianceQuestion(tiny, **changes)
    for source, says in (
        (str(tmp_path / "none.txt"), "cannot be read"),
        ("hub:owner/name", "names no file of a hub dataset"),
    ):
        with pytest.raises(DatasetError, match=says):
            estimated(bench, CovarianceQuestion(tiny, source), Progress())
    with pytest.raises(DatasetError, match="The text is empty"):
        keep_text(bench.store, " \n")
    with pytest.raises(ConfigError, match=r"No text was read for a key covariance of .* yet"):
        moments_for(bench, bench.model(tiny), "text", [1], Progress())


def test_texts_are_read_from_files_of_every_kind(bench: Workbench, tmp_path: Path) -> None:
    lines = [f"{TEXT} Number {i}." for i in range(3)]
    (tmp_path / "a.txt").write_text(TEXT)
    frame = pd.DataFrame({"id": ["1", "2", "3"], "text": lines})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.rename(columns={"text": "body"}).to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    assert read_corpus(bench.store, str(tmp_path / "a.txt")) == (TEXT, "a.txt")
    for name in ("a.parquet", "a.csv", "a.jsonl"):
        assert read_corpus(bench.store, str(tmp_path / name)) == ("\n\n".join(lines), name)
    pasted = keep_text(bench.store, TEXT)
    assert read_corpus(bench.store, pasted) == (TEXT, "a pasted text")
    check_size(len(TEXT), "a.txt")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    folder = tmp_path / "corpus"
    folder.mkdir()
    pd.DataFrame({"text": [TEXT, TEXT]}).to_parquet(folder / "wiki.parquet")
    with running_hub() as running:
        running.repositories["someone/corpus"] = folder
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        yield running


def test_a_hub_corpus_is_fetched_and_read(bench: Workbench, tiny: ModelSource, hub: Hub) -> None:
    card = estimated(bench, CovarianceQuestion(tiny, "hub:someone/corpus/wiki.parquet", 512, (1,)), Progress())
    assert card.words == f"{card.n_tokens} tokens of someone/corpus/wiki.parquet"
    with pytest.raises(DatasetError, match=r"someone/corpus/none\.parquet is not on"):
        read_corpus(bench.store, "hub:someone/corpus/none.parquet")


def test_a_text_estimate_is_used_by_text(bench: Workbench, tiny: ModelSource) -> None:
    source = keep_text(bench.store, TEXT)
    card = estimated(bench, CovarianceQuestion(tiny, source, 512), Progress())
    assert card.kind == "text"
    assert 300 < card.n_tokens <= 512
    handle, config = bench.model(tiny), get_method("rome").config_class(covariance="text")
    supplies = supplies_of(bench, handle, get_method("rome"), config, [1], Progress())
    assert supplies.moments[1].origin == card.origin
    none = supplies_of(bench, handle, get_method("rome"), get_method("rome").config_class(), [1], Progress())
    assert none.moments == {}


def test_a_sweep_tells_covariances_apart(bench: Workbench, tiny: ModelSource, few: None) -> None:
    choice = DatasetChoice("bundled", "proxy", 2)
    runs = []
    for settings in ({}, {"covariance": "samples"}):
        question = SweepQuestion(tiny, choice, "rome", {"steps": 2, "n_templates": 0, **settings}, layers=(0, 1))
        runs.append(sweep(bench, question, Progress()))
    assert runs[0] != runs[1]
    handle, method = bench.model(tiny), get_method("rome")
    config = method.config_class(covariance="samples")
    supplies = supplies_of(bench, handle, method, config, [0, 1], Progress())
    bed = Bed(bench.store, handle, method, config, supplies, (), (), "")
    bare = dataclasses.replace(bed, supplies=dataclasses.replace(supplies, moments={}))
    assert bed.key == f"{bare.key}-{moments_key(supplies.moments)}"
    assert len(bed.key) < 120
    assert moments_key({1: supplies.moments[1]}) == moments_key(supplies.moments)
    for change in ({"shrinkage": 0.2}, {"n_tokens": 7}, {"origin": "other"}):
        other = {1: dataclasses.replace(supplies.moments[1], **change)}
        assert moments_key(other) != moments_key(supplies.moments)
    (gain,) = covariance_gains(bench.store, handle.fingerprint, lambda run: open_sweep(bench.store, run))
    assert gain.runs == tuple(runs)
    assert gain.layers == (0, 1)
    assert gain.names == ("identity", "640 tokens of the model's own samples")
    assert len(gain.to_frame()) == 4


@pytest.mark.parametrize("name", ["alphaedit", "memit"])
def test_an_edit_on_top_of_stored_ones_protects_their_keys(
    bench: Workbench, tiny: ModelSource, few: None, name: str
) -> None:
    settings = {"steps": 3, "window": 2, "n_templates": 1}
    first = edit(bench, EditQuestion(tiny, plain(FRANCE), name, 1, settings), Progress())
    below = open_report(bench.store, first).edit_id
    over, alone = (
        open_edit(
            bench,
            open_report(
                bench.store, edit(bench, EditQuestion(tiny, plain(BRAZIL), name, 1, settings, earlier), Progress())
            ).edit_id,
        )
        for earlier in ((below,), ())
    )
    assert over != alone
    keys = dict(open_edit(bench, below).keys)
    assert sorted(keys) == [0, 1]
    key = keys[0][0]
    moved = [float((e.factors[0].left @ (e.factors[0].right.T @ key)).norm()) for e in (over, alone)]
    assert moved[0] < 0.7 * moved[1]


def test_layers_that_another_process_estimated_meanwhile_are_kept(bench: Workbench, tiny: ModelSource) -> None:
    first = estimated(bench, CovarianceQuestion(tiny, tokens=64, layers=(0,)), Progress())
    other = dataclasses.replace(first, layers=(2,), conditions=(7.0,))  # which began before the first had ended
    both = save_card(bench.store, other)
    assert cards(bench.store) == (both,)
    assert both.layers == (0, 2)
    assert both.conditions == (*first.conditions, 7.0)
    assert save_card(bench.store, dataclasses.replace(other, shrinkage=0.5)).layers == (2,)  # not comparable
