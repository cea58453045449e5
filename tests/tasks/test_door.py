"""Records whose digests are right and whose meaning is broken: every opener returns them or sets them aside."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from goldenlayers_core.errors import GoldenLayersError, StoreError
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results import TokenTrace
from goldenlayers_core.results.edit.covariance import CovarianceCard
from goldenlayers_core.results.present.tour import Tour
from goldenlayers_core.runtime import RunManifest, Store, StoredRun, now
from goldenlayers_core.tasks import open_workbench
from goldenlayers_core.tasks.edit.stored import edit_card, open_report
from goldenlayers_core.tasks.edit.stored_many import open_many
from goldenlayers_core.tasks.learn.wrong import edit_question, find_edit
from goldenlayers_core.tasks.present.stored_tour import TourQuestion, open_tour, publish, under_way
from goldenlayers_core.tasks.recommendation import known_fingerprint, recommend
from goldenlayers_core.tasks.report import report_of
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.scores.stored_trace import open_token_trace, open_trace, save_token_trace
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.stored_covariance import cards, open_layer, save_card, save_layer
from goldenlayers_core.tasks.truth.cost import price
from goldenlayers_core.tasks.truth.stored_search import open_search
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep
from tests.browser.stocked import stock

OPENERS: dict[str, Callable[[Store, str], Any]] = {
    "score": open_scores,
    "sweep": open_sweep,
    "search": open_search,
    "trace": open_trace,
    "edit": open_report,
    "many-edits": open_many,
    "tour": open_tour,
}
WRONG = (None, -1, "words", [[1]])


def refusal(read: Callable[..., Any], *given: Any) -> str:
    """The sentence that reading ends with; "" where there is none. Any other exception is a defect."""
    try:
        read(*given)
    except GoldenLayersError as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, StoredRun]:
    """A run of every kind, by kind."""
    root = tmp_path_factory.mktemp("whole")
    runs, store = dict(stock(root)), Store(root)
    tour = RunManifest("tour-1", "tour", "A tour", now(), "m", "f" * 32, "d", "e" * 32, 6, "{}", 1.5)
    store.save_run(tour, {"probes": pd.DataFrame({"layer": [1]})}, {"tour": json.dumps(plain(Tour(prompts=("a",))))})
    return {kind: store.load_run(run_id) for kind, run_id in {**runs, "tour": "tour-1"}.items()}


def broken_json(content: Any) -> Iterator[tuple[str, Any]]:
    """A JSON value without each of its fields, and with others in their place; (what was done, the value)."""
    yield from ((f"all of it is {value!r}", value) for value in WRONG)
    for name in content if isinstance(content, dict) else ():
        yield f"without {name}", {key: value for key, value in content.items() if key != name}
        yield from ((f"{name} is {value!r}", {**content, name: value}) for value in WRONG)


def broken(run: StoredRun) -> Iterator[tuple[str, StoredRun]]:
    """The run with something of it broken, and in words what."""
    for name, text in run.texts.items():
        yield f"the text {name} is cut", dataclasses.replace(run, texts={**run.texts, name: text[: len(text) // 2]})
        for words, content in broken_json(json.loads(text)):
            yield f"{name}: {words}", dataclasses.replace(run, texts={**run.texts, name: json.dumps(content)})
    yield "without texts", dataclasses.replace(run, texts={})
    for name, frame in run.frames.items():
        others = {"it is empty": frame.head(0), "half of it": frame.head((len(frame) + 1) // 2)}
        others["one more column"] = frame.assign(more=[[1, 2]] * len(frame))
        for column in frame.columns:
            others[f"without {column}"] = frame.drop(columns=column)
            others[f"{column} is text"] = frame.assign(**{column: "words"})
            others[f"{column} is lists"] = frame.assign(**{column: [["a"]] * len(frame)})
        for words, other in others.items():
            yield f"the frame {name}: {words}", dataclasses.replace(run, frames={**run.frames, name: other})
    yield "without frames", dataclasses.replace(run, frames={})
    for words, config in broken_json(run.manifest.settings):
        if isinstance(config, dict):
            manifest = dataclasses.replace(run.manifest, config=json.dumps(config))
            yield f"settings: {words}", dataclasses.replace(run, manifest=manifest)
    for name in dict(run.manifest.summary):
        summary = tuple((key, "²" if key == name else value) for key, value in run.manifest.summary)
        yield f"{name} is ²", dataclasses.replace(run, manifest=dataclasses.replace(run.manifest, summary=summary))


@pytest.mark.parametrize("kind", OPENERS)
def test_a_run_opens_or_is_set_aside(whole: dict[str, StoredRun], kind: str, tmp_path: Path) -> None:
    store, run_id, aside = Store(tmp_path), whole[kind].manifest.run_id, []
    for words, run in broken(whole[kind]):
        store.save_run(run.manifest, run.frames, run.texts)
        recommend(store, "f" * 32)
        known_fingerprint(store, TourQuestion().model)
        price(store, "", "rome", "bundled")
        said = refusal(OPENERS[kind], store, run_id)
        if said:
            assert said == f"The run {run_id!r} is damaged and was set aside; compute it again.", words
            assert store.runs() == (), words
            aside.append(words)
    assert any("cut" in words for words in aside)
    assert any("without" in words for words in aside)
    whole_one = whole[kind]
    store.save_run(whole_one.manifest, whole_one.frames, whole_one.texts)
    OPENERS[kind](store, run_id)


def test_looking_for_an_edit_sets_aside_what_cannot_be_understood(whole: dict[str, StoredRun], tmp_path: Path) -> None:
    store, run = Store(tmp_path), whole["edit"]
    request = EditRequest("1", "The capital of France is", "France", "Rome", "Paris")
    asked = edit_question(TourQuestion().model, request, 3).to_params()
    for settings, found in ((asked, run.manifest.run_id), ({**asked, "layer": "words"}, None)):
        manifest = dataclasses.replace(run.manifest, config=json.dumps(settings))
        store.save_run(manifest, run.frames, run.texts)
        assert find_edit(store, manifest.fingerprint, request, 3) == found
    assert store.runs() == ()
    assert len(store.problems()) == 1


@pytest.mark.parametrize("kind", OPENERS)
def test_a_report_of_a_broken_run_is_written_or_refused(whole: dict[str, StoredRun], kind: str, tmp_path: Path) -> None:
    store, run_id = Store(tmp_path), whole[kind].manifest.run_id
    for number, (words, run) in enumerate(broken(whole[kind])):
        if number % 9 == 0:
            store.save_run(run.manifest, run.frames, run.texts)
            assert "\n" not in refusal(report_of, store, run_id), words


def test_a_run_of_another_kind_is_refused_and_stays(whole: dict[str, StoredRun], tmp_path: Path) -> None:
    store = Store(tmp_path)
    for run in whole.values():
        store.save_run(run.manifest, run.frames, run.texts)
    for kind, opener in OPENERS.items():
        for other, run in whole.items():
            if other != kind:
                with pytest.raises(StoreError, match="holds no"):
                    opener(store, run.manifest.run_id)
    assert len(store.runs()) == len(OPENERS)
    assert store.problems() == ()


def json_kept(store: Store) -> dict[tuple[str, str], Callable[[], Any]]:
    """Every kind of JSON with the way to open it, by kind and name."""
    upload = open_workbench(store.root).upload(b"prompt,subject,target_new\nFrance is,France,Rome\n", "a.csv")[0]
    card = CovarianceCard("key", "samples", "s", "o", "m", "f", "r", 64, 64, 4, 0.01, (0,), (3.0,), 1.0, now())
    save_card(store, card)
    publish(store, TourQuestion(), Tour(prompts=("a",)))
    return {
        ("datasets", upload): lambda: open_workbench(store.root).dataset(upload),
        ("uploads", upload): lambda: open_workbench(store.root).upload_cards(),
        ("covariances", "key"): lambda: cards(store),
        ("tours", TourQuestion().key): lambda: under_way(store, TourQuestion()),
    }


def test_json_opens_or_is_set_aside(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for (kind, name), read in json_kept(store).items():
        content, aside = store.load_json(kind, name), 0
        for words, other in broken_json(content):
            store.save_json(kind, name, other)
            assert "\n" not in refusal(read), (kind, words)
            aside += name not in store.names(kind)
        assert aside > 8, kind
        store.save_json(kind, name, content)
        assert read()


def token_trace(store: Store) -> None:
    trace = TokenTrace("mlp", 1, "m", "p", "a", ("x", "y"), (0, 1), 0.5, 0.1, np.ones((2, 3)), 0.1, 2, 0)
    save_token_trace(store, "one", trace)


def edit(store: Store) -> None:
    fact = {"prompt": "p", "subject": "s", "target_new": "t", "target_true": ""}
    meta = {"format": "golden-layers-edit-2", "method": "rome", "facts": json.dumps([fact]), "weight_change": "0.1"}
    store.save_arrays(
        "edits", "one", {"left.3": np.ones((4, 1)), "right.3": np.ones((4, 1))}, {**meta, "fingerprint": "f"}
    )


@pytest.mark.parametrize(
    ("kind", "name", "save", "read"),
    [
        ("token-traces", "one", token_trace, partial(open_token_trace, name="one")),
        ("edits", "one", edit, partial(edit_card, edit_id="one")),
        ("covariance", "key-0", lambda s: save_layer(s, "key", 0, np.eye(3)), partial(open_layer, key="key", layer=0)),
    ],
)
def test_arrays_open_or_are_set_aside(
    tmp_path: Path, kind: str, name: str, save: Callable[[Store], None], read: Callable[[Store], Any]
) -> None:
    store = Store(tmp_path)
    save(store)
    arrays, meta = store.load_arrays(kind, name)
    read(store)
    others = [({key: a for key, a in arrays.items() if key != gone}, meta) for gone in arrays]
    others += [({**arrays, key: np.zeros(shape)}, meta) for key in arrays for shape in ((0,), (2, 5), ())]
    others += [(arrays, {key: text for key, text in meta.items() if key != gone}) for gone in meta]
    others += [(arrays, {**meta, key: text}) for key in meta for text in ("", "words", "[3]", "1e999", "99999999999")]
    aside = 0
    for numbers, about in others:
        store.save_arrays(kind, name, numbers, {key: text for key, text in about.items() if key != "sha256"})
        assert "\n" not in refusal(read, store)
        aside += name not in store.names(kind)
    assert aside > 3
