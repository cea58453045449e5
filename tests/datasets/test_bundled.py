"""The bundled datasets: schema, counts, no answer given away, and equality with what build.py makes."""

import importlib.util
import itertools
import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "datasets"
MINIMUM = {"bundled": (400, 14), "bundled-hard": (60, 5)}  # requests, relations
KEYS = {
    "case_id",
    "relation",
    "split",
    "prompt",
    "subject",
    "target_true",
    "true_aliases",
    "target_new",
    "rephrases",
    "locality",
    "portability",
}


def load(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


DATA = {name: load(name) for name in MINIMUM}
REQUESTS = [request for data in DATA.values() for request in data["requests"]]


def has_word(text: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text, re.IGNORECASE) is not None


def answers(request: dict[str, Any]) -> list[str]:
    return [request["target_true"], *request["true_aliases"]]


def own_prompts(request: dict[str, Any]) -> list[str]:
    """The prompts about the subject itself."""
    return [request["prompt"], *request["rephrases"], *(probe["prompt"] for probe in request["portability"])]


def all_prompts(request: dict[str, Any]) -> list[str]:
    return [*own_prompts(request), *(probe["prompt"] for probe in request["locality"])]


def wrong(check: Any, requests: list[dict[str, Any]] = REQUESTS) -> list[str]:
    """The case_ids that fail the check."""
    return [request["case_id"] for request in requests if not check(request)]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bundled_build", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_committed_files_are_what_build_makes(build: ModuleType) -> None:
    made = build.render()
    assert set(made) == {f"{name}.json" for name in DATA}
    for name, text in made.items():
        assert (FOLDER / name).read_bytes() == text.encode(), f"{name} is stale: run python assets/datasets/build.py"


@pytest.mark.parametrize("name", DATA)
def test_header_and_counts(name: str) -> None:
    data = DATA[name]
    n_requests, n_relations = MINIMUM[name]
    assert (data["format"], data["version"], data["name"]) == ("golden-layers", 1, name)
    assert data["licence"] == "Apache-2.0"
    assert data["description"]
    assert len(data["requests"]) >= n_requests
    assert len({request["relation"] for request in data["requests"]}) >= n_relations


def test_schema() -> None:
    def check(request: dict[str, Any]) -> bool:
        texts = ("case_id", "relation", "split", "prompt", "subject", "target_true", "target_new")
        lists = ("true_aliases", "rephrases")
        probes = [*request["locality"], *request["portability"]]
        return (
            set(request) == KEYS
            and all(isinstance(request[key], str) and request[key] for key in texts)
            and all(isinstance(item, str) and item for key in lists for item in request[key])
            and all(set(probe) == {"prompt", "answers"} for probe in request["locality"])
            and all(set(probe) == {"prompt", "answers", "name"} for probe in request["portability"])
            and all(probe["answers"] and all(isinstance(a, str) and a for a in probe["answers"]) for probe in probes)
        )

    assert wrong(check) == []


def test_case_ids_prompts_and_facts_are_unique() -> None:
    for key in ("case_id", "prompt"):
        assert [k for k, n in Counter(request[key] for request in REQUESTS).items() if n > 1] == []
    pairs = Counter((request["relation"], request["subject"]) for request in REQUESTS)
    assert [pair for pair, n in pairs.items() if n > 1] == []


def test_case_id_names_the_relation() -> None:
    assert wrong(lambda r: re.fullmatch(re.escape(r["relation"]) + r"-\d{3}", r["case_id"])) == []


def test_subject_is_in_its_own_prompts() -> None:
    assert wrong(lambda r: all(r["subject"] in prompt for prompt in own_prompts(r))) == []


def test_rephrases_are_at_least_two_and_differ() -> None:
    def check(request: dict[str, Any]) -> bool:
        texts = [request["prompt"], *request["rephrases"]]
        return len(texts) >= 3 and len({text.casefold() for text in texts}) == len(texts)

    assert wrong(check) == []


def test_each_relation_has_four_ways_to_rephrase() -> None:
    for path in sorted(FOLDER.glob("source/bundled*/*.json")):
        table = json.loads(path.read_text(encoding="utf-8"))
        assert len({table["prompt"], *table["rephrases"]}) >= 5, path.name


def test_no_prompt_gives_an_answer_away() -> None:
    def check(request: dict[str, Any]) -> bool:
        hidden = [*answers(request), request["target_new"]]
        probes = [*request["locality"], *request["portability"]]
        own = any(has_word(prompt, answer) for prompt in own_prompts(request) for answer in hidden)
        probed = any(has_word(probe["prompt"], answer) for probe in probes for answer in probe["answers"])
        targets = (request["target_true"], request["target_new"])
        told = any(has_word(probe["prompt"], target) for probe in probes for target in targets)
        return not own and not probed and not told

    assert wrong(check) == []


def test_locality_is_about_other_subjects() -> None:
    def check(request: dict[str, Any]) -> bool:
        prompts = [probe["prompt"] for probe in request["locality"]]
        apart = not any(has_word(prompt, request["subject"]) for prompt in prompts)
        return len(set(prompts)) == len(prompts) >= 3 and apart

    assert wrong(check) == []


def test_locality_answers_differ_from_the_new_target() -> None:
    assert wrong(lambda r: not any(r["target_new"] in probe["answers"] for probe in r["locality"])) == []


def test_locality_agrees_with_the_requests() -> None:
    truth = {request["prompt"]: answers(request) for request in REQUESTS}
    probes = [probe for request in REQUESTS for probe in request["locality"]]
    assert [probe["prompt"] for probe in probes if probe["prompt"] not in truth] == []
    assert [probe["prompt"] for probe in probes if probe["answers"] != truth[probe["prompt"]]] == []


def test_half_of_the_requests_have_a_neighbour_with_the_same_target() -> None:
    same = wrong(lambda r: not any(r["target_true"] in probe["answers"] for probe in r["locality"]))
    assert len(same) > 0.5 * len(REQUESTS)


def test_new_target_is_wrong_and_of_the_same_type() -> None:
    def check(request: dict[str, Any]) -> bool:
        new = request["target_new"].casefold()
        return not any(new in answer.casefold() or answer.casefold() in new for answer in answers(request))

    assert wrong(check) == []
    targets = defaultdict(set)
    for request in REQUESTS:
        targets[request["relation"]].add(request["target_true"])
    chosen_by_hand = {"hard-long-acronym"}
    assert wrong(lambda r: r["target_new"] in targets[r["relation"]] or r["relation"] in chosen_by_hand) == []


def test_new_target_is_never_marked_as_also_true(build: ModuleType) -> None:
    tables = build.read_tables()
    facts = {(name, fact.subject): fact for name, rel in tables.relations.items() for fact in rel.facts}
    assert wrong(lambda r: r["target_new"] not in facts[r["relation"], r["subject"]].also_true) == []


def test_notes_in_the_tables_are_known_words() -> None:
    notes = set()
    for path in FOLDER.glob("source/bundled*/*.json"):
        for row in json.loads(path.read_text(encoding="utf-8"))["facts"]:
            assert 2 <= len(row) <= 3, (path.name, row)
            notes |= set(row[2]) if len(row) == 3 else set()
    assert notes == {"aliases", "also_true", "new"}


def test_also_true_names_targets_that_exist() -> None:
    stray = []
    for path in sorted(FOLDER.glob("source/bundled*/*.json")):
        rows = json.loads(path.read_text(encoding="utf-8"))["facts"]
        targets = {row[1] for row in rows}
        stray += [(row[0], t) for row in rows if len(row) == 3 for t in row[2].get("also_true", ()) if t not in targets]
    assert stray == []


def test_portability_follows_from_the_new_target_only(build: ModuleType) -> None:
    tables = build.read_tables()

    def check(request: dict[str, Any]) -> bool:
        for probe in request["portability"]:
            sources = [p for p in tables.relations[request["relation"]].portability if p["name"] == probe["name"]]
            table = tables.properties[sources[0]["property"]]
            old = set(table.get(request["target_true"], ()))
            if probe["answers"] != table[request["target_new"]] or old & set(probe["answers"]):
                return False
        return True

    assert wrong(check) == []
    assert len(wrong(lambda r: not r["portability"])) >= 0.9 * len(REQUESTS)


def test_splits_share_no_subject_and_both_hold_every_relation() -> None:
    subjects = {
        split: {r["subject"].casefold() for r in REQUESTS if r["split"] == split} for split in ("proxy", "test")
    }
    assert {request["split"] for request in REQUESTS} == set(subjects)
    assert subjects["proxy"] & subjects["test"] == set()
    relations = {request["relation"] for request in REQUESTS}
    for split in subjects:
        assert {request["relation"] for request in REQUESTS if request["split"] == split} == relations
    for data in DATA.values():
        share = sum(request["split"] == "proxy" for request in data["requests"]) / len(data["requests"])
        assert 0.15 < share < 0.35


def test_the_first_requests_are_a_mixture() -> None:
    first = DATA["bundled"]["requests"][:32]
    assert len({request["relation"] for request in first}) >= 14


def test_texts_are_tidy() -> None:
    def check(request: dict[str, Any]) -> bool:
        probed = itertools.chain.from_iterable(p["answers"] for p in request["locality"] + request["portability"])
        texts = [*all_prompts(request), *answers(request), request["target_new"], request["subject"], *probed]
        tidy = all(text == text.strip() and "  " not in text for text in texts)
        return tidy and not any(mark in text for text in texts for mark in "[]{}")

    assert wrong(check) == []
