"""Shapes that files come in besides one list of records, on inputs written for these tests: read whole, or named."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from goldenlayers_core.datasets import MAX_RECORDS, ColumnMapping, open_dataset, read_bytes, read_file
from goldenlayers_core.errors import DatasetError, FormatError, LanguageError, MappingError
from goldenlayers_core.records import MAX_PROMPT, Dataset, Probe

PERU = {"prompt": "The capital of Peru is", "subject": "Peru", "target_new": "Quito"}
CUBA = {"prompt": "The capital of Cuba is", "subject": "Cuba", "target_new": "Oslo"}


def read(content: Any, **options: Any) -> Dataset:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    dataset = read_bytes(text.encode(), "made", **options)
    assert dataset.n_records == len(dataset.requests) + len(dataset.reported)
    return dataset


def remarks(dataset: Dataset, row: int = 1) -> str:
    return " ".join(issue.reason for issue in dataset.remarks if issue.row == row)


# Formats --------------------------------------------------------------------------------------------------------------


def test_alphaedit_writes_a_template_and_its_target_inside_an_object() -> None:
    record = {"case_id": 7, "prompt": "{} lies in", "subject": "The Louvre", "target_new": {"str": " Rome", "id": "Q2"}}
    dataset = read([record])
    (request,) = dataset.requests
    assert (request.prompt, request.target_new, request.subject_at) == ("The Louvre lies in", "Rome", 0)
    assert dataset.format == "rome-request"
    assert dataset.remarks == ()


def mquake(**changes: Any) -> dict[str, Any]:
    return {
        "case_id": 4,
        "requested_rewrite": [
            {
                "prompt": "{} was written by",
                "relation_id": "P50",
                "subject": "Emma",
                "target_new": {"str": "Kafka", "id": "Q1"},
                "target_true": {"str": "Jane Austen", "id": "Q2"},
                "question": "Who wrote Emma?",
            },
            {
                "prompt": "{} was born in",
                "relation_id": "P19",
                "subject": "Kafka",
                "target_new": {"str": "Oslo", "id": "Q3"},
                "target_true": {"str": "Prague", "id": "Q4"},
                "question": "Where was Kafka born?",
            },
        ],
        "questions": ["Where was the author of Emma born?", "In what city was Emma's author born?"],
        "answer": "Steventon",
        "answer_alias": [],
        "new_answer": "Oslo",
        "new_answer_alias": ["Kristiania", "Christiania"],
        "single_hops": [
            {"question": "Who wrote Emma?", "cloze": "", "answer": "Jane Austen", "answer_alias": ["Austen"]}
        ],
        "new_single_hops": [
            {"question": "Who wrote Emma?", "cloze": "", "answer": "Kafka", "answer_alias": ["F. Kafka"]}
        ],
        "orig": {"triples": []},
    } | changes


def test_mquake_gives_every_rewrite_with_the_multi_hop_questions() -> None:
    single = mquake(case_id=5, requested_rewrite=mquake()["requested_rewrite"][:1])
    dataset = read([mquake(), single, {"requested_rewrite": [{"prompt": "x"}], "questions": ["q"], "new_answer": "a"}])
    assert dataset.format == "mquake"
    one, two, three = dataset.requests
    assert [r.case_id for r in dataset.requests] == ["4-1", "4-2", "5"]
    assert (one.prompt, one.target_new, one.new_aliases) == ("Emma was written by", "Kafka", ("F. Kafka",))
    assert one.true_answers == ("Jane Austen", "Austen")
    assert one.rewrite.answers == ("Kafka", "F. Kafka")
    assert one.rephrases == (Probe("Who wrote Emma?", ("Kafka", "F. Kafka"), "rephrase"),)
    assert (two.prompt, two.target_new, two.relation) == ("Kafka was born in", "Oslo", "P19")
    for request in (one, two, three):
        assert [p.prompt for p in request.portability] == mquake()["questions"]
        assert {p.answers for p in request.portability} == {("Oslo", "Kristiania", "Christiania")}
    assert "Rewrite 2 of 2 of the file's record 1; its multi-hop questions follow only once all" in remarks(dataset, 2)
    assert "not read" not in remarks(dataset)
    assert [issue.row for issue in dataset.reported] == [4]


@pytest.mark.parametrize("answer", ["rowing", ["rowing", "crew"]])
def test_zsre_with_portability(answer: Any) -> None:
    record = {
        "subject": "Lake Cup",
        "src": "What sport is the Lake Cup in?",
        "pred": "golf",
        "rephrase": "What is played at the Lake Cup?",
        "alt": "polo",
        "answers": ["golf"],
        "loc": "nq question: who wrote emma",
        "loc_ans": "Jane Austen",
        "cond": "golf >> polo || What sport is the Lake Cup in?",
        "portability": {"Recalled Relation": "(polo, needs, horses)", "New Question": "What does it need?"}
        | {"New Answer": answer},
    }
    dataset = read([record])
    (probe,) = dataset.requests[0].portability
    assert probe.answers == ((answer,) if isinstance(answer, str) else tuple(answer))
    assert dataset.format == "zsre-mend"
    assert "not read (in so many records): portability.Recalled Relation" in remarks(dataset)


def test_the_easyedit_counterfact_with_portability() -> None:
    asked = {"Recalled Relation": "r", "New Question": "Where is Quito?", "New Answer": "Ecuador"}
    flat = PERU | {
        "ground_truth": "Lima",
        "rephrase_prompt": "Peru's capital is",
        "locality_prompt": "Cuba's capital is",
    }
    (request,) = read([flat | {"locality_ground_truth": "Havana", "portability": asked}]).requests
    assert (request.locality[0].answers, request.portability[0].answers) == (("Havana",), ("Ecuador",))


def test_wikiupdate_keeps_the_further_spellings_of_both_answers() -> None:
    rewrite = {
        "prompt": "The mayor of {} is",
        "subject": "Springdale",
        "answer_new": "Ida Roe",
        "answer_new_aliases": ["I. Roe", "Ida Roe"],
        "answer_true": "Max Poe",
        "answer_true_aliases": ["M. Poe"],
        "question": "Who is the mayor of Springdale?",
        "fact_new_uns": "Ida Roe was elected in May.",
    }
    dataset = read([{"requested_rewrite": rewrite, "loc": "who wrote emma", "loc_ans": "Jane Austen"}])
    (request,) = dataset.requests
    assert dataset.format == "akew-wikiupdate"
    assert (request.target_new, request.new_aliases) == ("Ida Roe", ("I. Roe",))
    assert request.true_answers == ("Max Poe", "M. Poe")
    assert request.locality == (Probe("who wrote emma", ("Jane Austen",), "locality"),)
    assert request.rephrases[0].answers == ("Ida Roe", "I. Roe")
    assert request.subject_at == len("The mayor of ")
    assert "requested_rewrite.fact_new_uns" in remarks(dataset)


def test_new_aliases_count_as_content_and_their_absence_keeps_the_digest() -> None:
    plain, own = read([PERU]).requests[0], PERU | {"rephrases": [], "new_aliases": ["Quito, Ecuador"]}
    (aliased,) = read([own]).requests
    assert aliased.new_aliases == ("Quito, Ecuador",)
    assert aliased.digest != plain.digest
    assert read([own | {"new_aliases": []}]).requests[0].digest == plain.digest


def call(**changes: Any) -> dict[str, Any]:
    return {
        "prompts": ["Ada Roe plays the", "Bo Lund is a professional"],
        "subject": ["Ada Roe", "Bo Lund"],
        "target_new": ["flute", "cook"],
        "ground_truth": ["harp", "pilot"],
        "rephrase_prompts": ["The instrument of Ada Roe is the", "By trade Bo Lund is a"],
        "locality_inputs": {
            "neighborhood": {"prompt": ["Cy Day plays the", "Di Fox is a"], "ground_truth": ["harp", "pilot"]},
            "distracting": {"prompt": [["a", "b"], "c"], "ground_truth": [["x", "y"], "z"]},
        },
        "portability_inputs": {"one_hop": {"prompt": ["Ada Roe owns a", "Bo works in a"], "ground_truth": ["f", "k"]}},
        "sequential_edit": True,
    } | changes


def test_call_arguments_are_one_request_per_prompt() -> None:
    dataset = read(call(loc_prompts=["It rains.", "It snows.", "It hails."]))
    assert dataset.format == "easyedit-call"
    assert "not one value per prompt, so not read: loc_prompts" in remarks(dataset).lower()
    one, two = dataset.requests
    assert (one.prompt, one.subject, one.target_new, one.target_true) == (
        "Ada Roe plays the",
        "Ada Roe",
        "flute",
        "harp",
    )
    assert [p.prompt for p in two.rephrases] == ["By trade Bo Lund is a"]
    assert [(p.prompt, p.answers, p.name) for p in one.locality] == [
        ("Cy Day plays the", ("harp",), "neighborhood"),
        ("a", ("x",), "distracting"),
        ("b", ("y",), "distracting"),
    ]
    assert [p.answers for p in two.portability] == [("k",)]


def test_a_call_for_one_fact_may_have_texts_for_lists() -> None:
    (request,) = read({"prompts": "Ada Roe plays the", "subject": "Ada Roe", "target_new": "flute"}).requests
    assert request.target_new == "flute"


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"subject": ["Ada Roe"]}, ("2 values under prompts", "1 under subject")),
        ({"target_new": ["a", "b", "c"]}, ("2 values under prompts", "3 under target_new")),
        (
            {"locality_inputs": {"near": {"prompt": ["a"], "ground_truth": ["b", "c"]}}},
            ("2 values under prompts", "1 under locality_inputs.near.prompt"),
        ),
    ],
)
def test_call_arguments_of_unequal_length_are_refused_with_both_lengths(changes: Any, parts: Any) -> None:
    with pytest.raises(FormatError) as caught:
        read(call(**changes))
    assert all(part in str(caught.value) for part in parts)


def multilingual(language: str = "de", **changes: Any) -> dict[str, Any]:
    fact = {"subject": "Peru", "src": "What is the capital of Peru?", "alt": "Quito", "answers": ["Lima"]}
    other = {"subject": "Peru", "src": "Was ist die Hauptstadt von Peru?", "alt": "Quito", "answers": ["Lima"]}
    return {"en": fact | changes, language: other}


def test_a_language_is_chosen_and_never_guessed(tmp_path: Path) -> None:
    content = [multilingual(), multilingual(), {"en": multilingual()["en"]}]
    with pytest.raises(LanguageError, match=r"choose one of en, de") as caught:
        read(content)
    assert caught.value.languages == ("en", "de")
    dataset = read(content, language="de")
    assert dataset.format == "zsre-mend"
    assert dataset.requests[0].prompt == "Was ist die Hauptstadt von Peru?"
    assert [issue.reason for issue in dataset.reported] == ["The record has no fact in de."]
    with pytest.raises(LanguageError, match="no facts in 'fr'"):
        read(content, language="fr")
    with pytest.raises(LanguageError, match="leave the language out"):
        read([PERU], language="fr")
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(content))
    assert open_dataset(f"{path}#en").requests[0].prompt == "What is the capital of Peru?"
    (tmp_path / "facts.json#en").write_text(json.dumps([PERU]))
    assert open_dataset(f"{path}#en").requests[0].subject == "Peru"
    assert open_dataset(f"{path}#en").format == "table"


def unke(**changes: Any) -> dict[str, Any]:
    return {
        "id": 9,
        "question": "Who is Ada Roe?",
        "para_question": "Tell me who Ada Roe is.",
        "answer": "Ada Roe is a flutist " + "who lived in many towns and " * 30 + "taught.",
        "sub_question": ["Where was Ada Roe born?", "What does Ada Roe play?"],
        "sub_answer": ["Bergen", "flute"],
    } | changes


def test_unke_has_long_targets_questions_about_their_parts_and_no_subject() -> None:
    dataset = read([unke()])
    (request,) = dataset.requests
    assert (dataset.format, request.case_id, request.subject) == ("unke", "9", "")
    assert request.target_new == unke()["answer"]
    assert [(p.prompt, p.answers) for p in request.portability] == [
        ("Where was Ada Roe born?", ("Bergen",)),
        ("What does Ada Roe play?", ("flute",)),
    ]
    assert "'Ada Roe' is proposed" in remarks(dataset)
    assert read([unke()], subjects={1: "Ada Roe"}).requests[0].subject == "Ada Roe"


# Wrappers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        {"features": [], "rows": [{"row_idx": n, "row": r, "truncated_cells": []} for n, r in enumerate((PERU, CUBA))]},
        "\n".join(json.dumps({"row_idx": n, "row": row}) for n, row in enumerate((PERU, CUBA))),
        {"0": PERU, "1": CUBA},
        {"fact_a": PERU, "fact_b": CUBA},
        {"0": PERU, "7": CUBA | {"relation": "capital"}},
        {"columns": list(PERU), "index": [0, 1], "data": [list(PERU.values()), list(CUBA.values())]},
        {key: [PERU[key], CUBA[key]] for key in PERU},
        {"data": {"0": PERU, "1": CUBA}},
        {"dataset": {"rows": [{"row": PERU}, {"row": CUBA}]}},
        {"version": 2, "made": "today", "edits": [PERU, CUBA]},
        json.dumps(PERU) + json.dumps(CUBA),
        json.dumps(PERU, indent=2) + "\n" + json.dumps(CUBA, indent=2) + "\n",
        json.dumps(PERU) + ",\n\n" + json.dumps(CUBA, indent=1),
        json.dumps([PERU]) + json.dumps([CUBA]),
        "sep=;\nprompt;subject;target_new\nThe capital of Peru is;Peru;Quito\nThe capital of Cuba is;Cuba;Oslo\n",
        '"sep=|"\r\nprompt|subject|target_new\r\nThe capital of Peru is|Peru|Quito\r\nThe capital of Cuba is|Cuba|Oslo',
        "SEP=\\t\nprompt\tsubject\ttarget_new\nThe capital of Peru is\tPeru\tQuito\nThe capital of Cuba is\tCuba\tOslo",
        "\ufeffsep=,\nprompt,subject,target_new\nThe capital of Peru is,Peru,Quito\nThe capital of Cuba is,Cuba,Oslo\n",
    ],
)
def test_two_facts_in_any_wrapper(content: Any) -> None:
    dataset = read(content)
    assert [(r.prompt, r.subject, r.target_new) for r in dataset.requests] == [
        tuple(PERU.values()),
        tuple(CUBA.values()),
    ]
    assert dataset.reported == ()


def test_splits_are_kept_and_said() -> None:
    dataset = read({"train": [PERU], "test": [CUBA], "validation": []})
    assert [r.split for r in dataset.requests] == ["proxy", "test"]
    assert "The file's part 'train', from here on, is used for the proxy dataset." in remarks(dataset)
    assert [r.split for r in read({"train": [PERU], "validation": {"0": CUBA}}).requests] == ["proxy", "test"]
    assert [r.split for r in read({"train": [PERU]}).requests] == [""]
    other = read({"easy": [PERU], "hard": [CUBA]})
    assert [r.split for r in other.requests] == ["", ""]
    assert "'hard', from here on, is used for both parts" in remarks(other, 2)


def test_cells_that_the_hub_cut_short_are_named() -> None:
    rows = [{"row_idx": 0, "row": PERU, "truncated_cells": ["target_new"]}]
    assert "cut these fields short: target_new" in remarks(read({"rows": rows}))


def test_what_follows_the_last_whole_object_is_reported() -> None:
    dataset = read(json.dumps(PERU, indent=1) + json.dumps(CUBA, indent=1) + ' {"prompt": "The cap')
    assert len(dataset.requests) == 2
    assert "is not valid JSON" in dataset.reported[0].reason


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
            "a Git LFS pointer, not the file itself",
        ),
        ("/annex/objects/MD5E-s9--0.json\n", "a git-annex pointer, not the file itself"),
        ("\n <!-- saved --><html><body>404</body></html>", "a web page"),
        ("<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a web page or XML"),
        ('{"error": "Entry not found"}', "an error message instead of records ('Entry not found')"),
    ],
)
def test_what_lies_where_a_file_should_be_is_named(content: str, part: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(content)
    assert part in str(caught.value)


# Templates ------------------------------------------------------------------------------------------------------------


def test_a_template_says_where_the_subject_stands() -> None:
    rows = [
        PERU | {"subject": "Niger", "prompt": "Nigeria borders {} and"},
        PERU | {"subject": "Rome", "prompt": "Rome, {subject} and"},
        PERU | {"subject": "Rome", "prompt": "Rome is"},
    ]
    dataset = read(rows)
    assert [(r.prompt, r.subject_at) for r in dataset.requests] == [
        ("Nigeria borders Niger and", 16),
        ("Rome, Rome and", 6),
        ("Rome is", None),
    ]
    first = read([PERU | {"prompt": "The capital of {} is"}]).requests[0]
    assert first.digest == read([PERU]).requests[0].digest  # it stands where it would be found anyway
    known = {"known_id": 1, "attribute": "Lima", "template": "Peru: {} is in", "prompt": "Peru: Peru is in"}
    others = [known | {"subject": "Peru"}, known | {"subject": "Peru", "attribute": "Quito", "known_id": 2}]
    assert [r.subject_at for r in read(others).requests] == [6, 6]


def test_several_places_for_the_subject_are_reported_and_filled_in_probes() -> None:
    rows = [PERU | {"prompt": "{} and {} are"}, PERU | {"prompt": "{subject} or {subject}, {subject}"}]
    dataset = read([*rows, PERU | {"rephrase_prompt": "{} or {}?", "ground_truth": "Lima"}])
    assert "2 places '{}'" in dataset.reported[0].reason
    assert "3 places '{subject}'" in dataset.reported[1].reason
    assert dataset.requests[0].rephrases[0].prompt == "Peru or Peru?"


# Subjects -------------------------------------------------------------------------------------------------------------


def test_a_file_without_subjects_is_read_and_a_subject_is_proposed_but_not_used() -> None:
    rows = [
        {"prompt": "The head of Chirp is", "target_new": "Ida Roe", "rephrase_prompt": "Chirp is led by"},
        {"prompt": "the cat eats", "target_new": "fish", "rephrase_prompt": "what a cat likes is"},
        {"prompt": "the \u201csilent river\u201d was painted by", "target_new": "Bo Lund"},
        {"prompt": "\u300c\u6771\u4eac\u300d\u306f", "target_new": "x"},
        {"prompt": "it is", "target_new": "x"},
        {"prompt": "The Bank of England was founded by", "target_new": "x"},
    ]
    dataset = read(rows)
    assert {r.subject for r in dataset.requests} == {""}
    proposed = ["'Chirp'", "'cat'", "'silent river'", "'\u6771\u4eac'", "none could be", "'Bank of England'"]
    for row, words in enumerate(proposed, 1):
        assert f"{words} {'proposed' if words.startswith('none') else 'is proposed'}" in remarks(dataset, row)
    confirmed = read(rows, subjects={1: "Chirp", 2: "dog"})
    assert (confirmed.requests[0].subject, confirmed.requests[1].subject) == ("Chirp", "")
    assert [issue.row for issue in confirmed.reported] == [2]  # a dog is not in the prompt


def test_a_row_without_a_subject_among_others_and_a_template_are_still_reported() -> None:
    assert [i.row for i in read([PERU, {**PERU, "subject": ""}]).reported] == [2]
    dataset = read([{"prompt": "{} is in", "target_new": "x"}, {"prompt": "The cat is", "target_new": "y"}])
    assert dataset.reported[0].reason == "The field subject is missing or empty."
    assert len(dataset.requests) == 1


def test_a_mapping_without_a_subject_needs_the_confirmed_ones() -> None:
    rows, mapping = [{"a": "The capital of Peru is", "b": "Quito"}], ColumnMapping("a", None, "b")
    with pytest.raises(MappingError, match="which of them holds subject"):
        read(rows, mapping=mapping)
    assert read(rows, mapping=mapping, subjects={1: "Peru"}).requests[0].subject == "Peru"
    assert read(rows, mapping=mapping, subjects={}).requests[0].subject == ""


# Remarks --------------------------------------------------------------------------------------------------------------


def test_rows_that_contradict_each_other_name_each_other() -> None:
    tower = {"prompt": "The Eiffel Tower is located in", "subject": "The Eiffel Tower"}
    dataset = read(
        [
            tower | {"target_new": "Rome"},
            tower | {"target_new": "rome."},
            PERU,
            tower | {"target_new": "Berlin"},
            tower | {"target_new": "Rome"},
        ]
    )
    assert "Contradicted by record 4: the same prompt" in remarks(dataset)
    assert "Contradicts" not in remarks(dataset, 2)
    assert remarks(dataset, 3) == ""
    assert "Contradicts record 1: the same prompt with the new target 'Rome'" in remarks(dataset, 4)
    assert "Same content as record 1" in remarks(dataset, 5)
    assert "Contradicts record 4" in remarks(dataset, 5)


def test_one_prompt_with_two_targets_is_named_whatever_the_subjects_are() -> None:
    rows = [PERU | {"subject": name, "target_new": new} for name, new in (("capital", "a"), ("Peru", "b"))]
    assert "Contradicts record 1" in remarks(read(rows), 2)
    assert "Contradicts record 1" in remarks(read([{"prompt": "It is", "target_new": new} for new in "ab"]), 2)


def test_one_key_with_two_values_is_named_although_the_prompts_differ() -> None:
    rows = [
        {"prompt": "Ada Roe plays the", "subject": "Ada Roe", "target_new": "flute"},
        {"prompt": "Ada Roe was born in", "subject": "Ada Roe", "target_new": "Oslo"},
        {"prompt": "The town of Ada Roe is", "subject": "Ada Roe", "target_new": "Bergen"},
    ]
    dataset = read(rows)
    assert "One key, two values with record 1" in remarks(dataset, 2)
    assert "One key, two values with record 2" in remarks(dataset, 1)
    assert remarks(dataset, 3) == ""  # another beginning, another key


@pytest.mark.parametrize(
    ("true", "new", "same"),
    [
        ("100", "-100", False),
        ("125", "1.25", False),
        ("5", ".5", False),
        ("B\u00e4r", "Bar", False),
        ("C++", "C", False),
        ("C++ language", "C# language", False),
        ("$100", "\u20ac100", False),
        ("1,000", "1000", False),  # may be a decimal comma
        ("Paris", " paris ", True),
        ("Paris", "Paris.", True),
        ("Paris", "\u201cParis\u201d", True),
        ("M. K. Nair", "M K Nair", True),
        ("Caf\u00e9", "Cafe\u0301", True),
        ("\uff34\uff4f\uff4b\uff59\uff4f", "Tokyo", True),
        ("S\u00e3o  Paulo", "s\u00e3o paulo", True),
    ],
)
def test_no_op_remarks_are_true(true: str, new: str, same: bool) -> None:
    assert ("No-op edit" in remarks(read([PERU | {"target_new": new, "target_true": true}]))) == same


def test_no_field_is_dropped_without_a_word() -> None:
    rows = [PERU | {"note": "x", "empty": "", "case_id": n} for n in range(3)]
    dataset = read([*rows, PERU | {"note": "y", "when": 1999, "prompt": "Peru is"}])
    assert "These fields of the file are not read (in so many records): note (4), when." in remarks(dataset)
    probes = {"G": [{"prompt": "Cuba is", "ground_truth": "big", "difficulty": 3}]}
    assert "locality.difficulty" in remarks(read([PERU | {"locality": probes}]))
    assert "not read" in read([{"src": "Peru?", "subject": "Peru", "alt": "x", "pred": "y"}]).description


# Limits ---------------------------------------------------------------------------------------------------------------


def test_long_prompts_are_refused_and_long_probes_left_out() -> None:
    long = "Peru " * (MAX_PROMPT // 5)
    assert len(read([PERU | {"prompt": f"{long[:-1]}."}]).requests) == 1
    dataset = read([PERU | {"prompt": f"{long}is"}, PERU | {"loc": [f"{long}is", "Cuba is"]}])
    assert dataset.reported[0].reason == "The prompt has 2,002 characters; at most 2,000 are read."
    assert [p.prompt for p in dataset.requests[0].locality] == ["Cuba is"]
    assert "2,002 characters, which was left out" in remarks(dataset, 2)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX file kinds")
def test_only_plain_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as plug:
        plug.bind(str(tmp_path / "plug"))  # the name stays
    for path, part in (
        ("/dev/zero", "is a device"),
        (tmp_path / "pipe", "is a named pipe"),
        (tmp_path, "is a folder"),
        (tmp_path / "plug", "cannot be opened"),
        (tmp_path / "none", "does not exist"),
        (tmp_path / "pipe" / "x", "does not exist"),
        ("a" * 5000, "cannot be opened"),
        ("a\ud800b", "cannot be opened"),
    ):
        with pytest.raises(DatasetError) as caught:
            read_file(path)
        assert part in str(caught.value)
        str(caught.value).encode()


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("[" + "{}," * 2_000_000 + "{}]", f"more than {MAX_RECORDS:,} records"),
        ("[" + "[]," * 3_000_000 + "[]]", "values, more than can be read at once"),
        (",".join(["a"] * 70_000) + "\n" + ",".join(["1"] * 70_000) + "\n", "70,000 columns; at most 2,000"),
        (",".join(["a"] * 1500) + "\n" + ("1," * 1499 + "1\n") * 5000, "more than 6,000,000 cells"),
        ("a,b\n" + ",,,\n" * 1_600_000, "more than 6,000,000 cells"),
        ("a,b\n" + "," * 9_000_000, "a line of 9,000,001 cells"),
        ('{"prompt": "a"}\n' + '{"prompt\n' * 300_000, "not valid JSON"),
    ],
    ids=["empty objects", "empty lists", "equal names", "wide", "blank rows", "one wide line", "broken lines"],
)
def test_what_would_take_too_long_or_too_much_is_refused_early(content: str, part: str) -> None:
    with pytest.raises(DatasetError) as caught:
        read_bytes(content.encode(), "made")
    assert part in str(caught.value)
