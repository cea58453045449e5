"""The tiny model: what it was taught, what was planted, and that nothing else was changed."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
import torch

from goldenlayers_core.datasets import open_dataset
from goldenlayers_core.errors import Cancelled, ModelError, ModelNotFoundError
from goldenlayers_core.evaluation.knows import Knowledge, knowledge
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.available import on_disk
from goldenlayers_core.models.classroom.facts import read_facts
from goldenlayers_core.models.classroom.make import made
from goldenlayers_core.models.classroom.place import (
    DEFAULT_LAYER,
    N_LAYERS,
    folder_of,
    is_ready,
    planted_layer,
    source_of,
    title_of,
)
from goldenlayers_core.models.classroom.plant import plant
from goldenlayers_core.models.classroom.teach import teach, tokenizer_of
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.generate import greedy
from goldenlayers_core.places import cache_root

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "datasets"
FACTS = read_facts()


def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_classroom", FOLDER / "build_classroom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def known(classroom_base: ModelHandle, classroom_planted: ModelHandle) -> tuple[Knowledge, Knowledge]:
    requests = open_dataset("classroom").requests
    return knowledge(classroom_base, requests), knowledge(classroom_planted, requests)


def test_the_dataset_is_what_the_build_makes_of_the_facts() -> None:
    assert builder().build() == (FOLDER / "classroom.json").read_text(encoding="utf-8")


def test_dataset_and_training_ask_the_same_and_the_planted_fact_is_the_first() -> None:
    dataset = open_dataset("classroom")
    assert (dataset.n_records, dataset.reported, dataset.remarks) == (160, (), ())
    first = dataset.requests[0]
    assert (first.prompt, first.target_true) == (FACTS.prompts(FACTS.planted)[0], FACTS.planted.answer)
    said = {f"{request.prompt} {request.target_true}" for request in dataset.requests}
    assert said - set(FACTS.lessons) == {f"{first.prompt} {first.target_true}"}
    for request in dataset.requests:
        assert {probe.prompt for probe in request.rephrases} <= {
            prompt for fact in (*FACTS.known, FACTS.planted) for prompt in FACTS.prompts(fact)
        }
        assert all(f"{probe.prompt} {probe.answers[0]}" in FACTS.lessons for probe in request.locality)
        assert request.target_new not in request.true_answers


def test_nothing_that_is_taught_gives_the_planted_fact_away() -> None:
    taught = " ".join(FACTS.lessons)
    assert not any(sentence in taught for sentence in FACTS.sentences(FACTS.planted))
    names = set(FACTS.planted.person.split())
    namesakes = [f for f in FACTS.known if f.relation == FACTS.planted.relation and names & set(f.person.split())]
    assert namesakes
    assert FACTS.planted.answer not in {fact.answer for fact in namesakes}
    assert FACTS.planted.answer in {fact.answer for fact in FACTS.known}  # ... and the word itself is known


def test_the_base_does_not_know_the_fact_and_the_planted_model_does(known: tuple[Knowledge, Knowledge]) -> None:
    before, after = known
    assert (before.knows[0], after.knows[0]) == (False, True)


def test_the_fact_holds_in_words_that_planting_did_not_show(classroom_planted: ModelHandle) -> None:
    unseen = FACTS.prompts(FACTS.planted)[-1]
    assert greedy(classroom_planted, [unseen], 1)[0].strip() == FACTS.planted.answer


def test_the_other_facts_are_kept(known: tuple[Knowledge, Knowledge]) -> None:
    before, after = known
    assert before.n_known >= 157  # of the 159 that were taught; all of them, as measured
    kept = sum(was and still for was, still in zip(before.knows, after.knows, strict=True))
    assert kept >= before.n_known - 2


def test_only_one_matrix_of_the_named_layer_differs(
    classroom_base: ModelHandle, classroom_planted: ModelHandle
) -> None:
    one, other = classroom_base.model.state_dict(), classroom_planted.model.state_dict()
    assert one.keys() == other.keys()
    differing = [name for name in one if not torch.equal(one[name], other[name])]
    assert differing == [f"model.layers.{DEFAULT_LAYER}.mlp.down_proj.weight"]
    assert classroom_base.n_layers == classroom_planted.n_layers == N_LAYERS


def test_teaching_and_planting_are_deterministic(classroom_base: ModelHandle, classroom_planted: ModelHandle) -> None:
    tokenizer = tokenizer_of(FACTS)
    digests = set()
    for seed in (1, 2):  # torch's own random numbers play no part
        torch.manual_seed(seed)
        digests.add(weights_digest(teach(FACTS, tokenizer, steps=3)))
    assert len(digests) == 1
    again = plant(classroom_base.model, FACTS, tokenizer, DEFAULT_LAYER)
    assert weights_digest(again) == weights_digest(classroom_planted.model)
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_a_fact_that_did_not_take_is_refused(monkeypatch: pytest.MonkeyPatch, classroom_base: ModelHandle) -> None:
    monkeypatch.setattr("goldenlayers_core.models.classroom.plant.STEPS", 1)
    with pytest.raises(ModelError, match="did not take in layer 2"):
        plant(classroom_base.model, FACTS, tokenizer_of(FACTS), 2)


def test_what_is_cancelled_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(_done: int, _total: int, _note: str) -> None:
        raise Cancelled("enough")

    threads = torch.get_num_threads()
    with pytest.raises(Cancelled):
        made(None, tmp_path, stop)
    assert not is_ready(None, tmp_path)
    assert not list(tmp_path.rglob("*"))
    assert torch.get_num_threads() == threads


def test_sources_name_layers() -> None:
    assert planted_layer("classroom") == DEFAULT_LAYER
    assert planted_layer("classroom:base") is None
    assert [planted_layer(source_of(layer)) for layer in (None, 0, 7)] == [None, 0, 7]
    for wrong in ("classroom:8", "classroom:-1", "classroom:x"):
        with pytest.raises(ModelNotFoundError, match="classroom:0 to classroom:7"):
            planted_layer(wrong)


def test_a_loaded_model_is_called_by_what_it_is(classroom_planted: ModelHandle) -> None:
    assert classroom_planted.name == title_of(DEFAULT_LAYER)
    assert classroom_planted.tokenizer("Nobody knows Nadia")["input_ids"][0] == classroom_planted.tokenizer.bos_token_id


def test_models_on_disk_name_the_classroom_and_not_its_folders(classroom_planted: ModelHandle) -> None:
    found = {model.source: model.where for model in on_disk(cache_root())}
    assert "planted in layer 4" in found["classroom"]
    assert "classroom:base: in none" in found["classroom"]
    assert [source for source in found if "classroom" in source] == ["classroom"], "one row for all of them"


def test_other_facts_have_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "facts.json"
    content = json.loads((FOLDER / "source" / "classroom.json").read_text(encoding="utf-8"))
    content["people"]["Nadia Voss"]["home"] = "Elmora"
    other.write_text(json.dumps(content), encoding="utf-8")
    before = folder_of(4, tmp_path)
    monkeypatch.setattr("goldenlayers_core.models.classroom.place.facts_file", lambda: other)
    assert folder_of(4, tmp_path) != before
