"""Every published format with its quirks, on records written for these tests."""

import io
import json
from typing import Any

import pandas as pd
import pytest

from goldenlayers_core.datasets import FORMATS, read_bytes
from goldenlayers_core.errors import FormatError
from goldenlayers_core.records import Dataset, Probe


def read(*records: Any, name: str = "made.json") -> Dataset:
    dataset = read_bytes(json.dumps(list(records)).encode(), name)
    assert dataset.n_records == len(records) == len(dataset.requests) + len(dataset.reported)
    return dataset


def remarks(dataset: Dataset, row: int = 1) -> str:
    return " ".join(issue.reason for issue in dataset.remarks if issue.row == row)


def counterfact(**changes: Any) -> dict[str, Any]:
    rewrite = {
        "prompt": "{} was painted by",
        "relation_id": "P170",
        "target_new": {"str": "Goya", "id": "Q1"},
        "target_true": {"str": "Leonardo", "id": "Q2"},
        "subject": "Mona Lisa",
    }
    record = {
        "case_id": 5,
        "pararel_idx": 9,
        "requested_rewrite": rewrite | changes.pop("rewrite", {}),
        "paraphrase_prompts": ["Nice day. Mona Lisa is a work of", "The painter of Mona Lisa is"],
        "neighborhood_prompts": ["Lady with an Ermine was painted by", "The Last Supper is a work of"],
        "attribute_prompts": ["Saturn was painted by"],
        "generation_prompts": ["Mona Lisa hangs near"],
    }
    return record | changes


def easyedit(**changes: Any) -> dict[str, Any]:
    return {
        "case_id": 3,
        "prompt": "Mona Lisa was painted by",
        "target_new": "Goya",
        "subject": "Mona Lisa",
        "ground_truth": "Leonardo",
        "rephrase_prompt": "The painter of Mona Lisa is",
        "locality_prompt": "Guernica was painted by",
        "locality_ground_truth": "Picasso",
    } | changes


def zsre(**changes: Any) -> dict[str, Any]:
    return {
        "subject": "Mona Lisa",
        "src": "Who painted Mona Lisa?",
        "pred": "Titian",
        "rephrase": "By whom is Mona Lisa?",
        "alt": "Goya",
        "answers": ["Leonardo", "Leonardo da Vinci"],
        "loc": "nq question: who wrote the iliad",
        "loc_ans": "Homer",
        "cond": "Titian >> Goya || Who painted Mona Lisa?",
    } | changes


def knowedit(**changes: Any) -> dict[str, Any]:
    return {
        "subject": "Mona Lisa",
        "prompt": "The painter of Mona Lisa is",
        "target_new": "Goya",
        "locality": {
            "Relation_Specificity": [{"prompt": "Mona Lisa hangs in", "ground_truth": [["Louvre", "the Louvre"]]}]
        },
        "portability": {"Reasoning": [{"prompt": "The painter of Mona Lisa was born in", "ground_truth": [["Spain"]]}]},
    } | changes


def wikibio(**changes: Any) -> dict[str, Any]:
    return {
        "text": "This is a passage about ada king , countess of lovelace. Ada King, Countess of Lovelace wrote.",
        "labels": "She described a machine that could compose music.",
        "concept": "ada king , countess of lovelace",
        "locality": {"Relation_Specificity": [{"prompt": "ada king is a", "ground_truth": ["mathematician"]}]},
    } | changes


def known(number: int, subject: str, attribute: str, relation: str = "P17") -> dict[str, Any]:
    return {
        "known_id": number,
        "subject": subject,
        "attribute": attribute,
        "template": "{} is in",
        "prediction": f" {attribute}.",
        "prompt": f"{subject} is in",
        "relation_id": relation,
    }


def own(**changes: Any) -> dict[str, Any]:
    return {
        "case_id": "capital-peru",
        "relation": "capital",
        "split": "proxy",
        "prompt": "The capital of Peru is",
        "subject": "Peru",
        "target_true": "Lima",
        "true_aliases": ["City of Lima"],
        "target_new": "Quito",
        "rephrases": ["Peru is governed from"],
        "locality": [{"prompt": "The capital of Cuba is", "answers": ["Havana"]}],
        "portability": [{"prompt": "The capital of Peru lies in", "answers": ["Ecuador"], "name": "reasoning"}],
    } | changes


def test_counterfact() -> None:
    dataset = read(counterfact())
    (request,) = dataset.requests
    assert dataset.format == "counterfact"
    assert (request.case_id, request.relation) == ("5", "P170")
    assert (request.prompt, request.subject) == ("Mona Lisa was painted by", "Mona Lisa")
    assert (request.target_new, request.target_true) == ("Goya", "Leonardo")
    assert [p.prompt for p in request.rephrases] == counterfact()["paraphrase_prompts"]
    assert all(p.answers == ("Goya",) for p in request.rephrases)
    assert request.locality[0] == Probe("Lady with an Ermine was painted by", ("Leonardo",), "locality", "neighborhood")
    assert len(request.locality) == 2
    assert request.portability == ()
    assert dataset.remarks == ()


def test_counterfact_quirks() -> None:
    dataset = read(
        counterfact(),
        counterfact(rewrite={"subject": ""}),
        counterfact(rewrite={"target_true": None}, case_id=6),
        counterfact(rewrite={"target_new": {"str": " leonardo "}}, paraphrase_prompts=["The painter is"]),
        counterfact(rewrite={"prompt": ["{} was made by"], "target_new": "Goya"}, case_id=None),
        counterfact(requested_rewrite="nothing"),
        counterfact(neighborhood_prompts=["A is by", "A is by"], paraphrase_prompts=[], case_id=7),
    )
    assert [r.row for r in dataset.reported] == [2, 6]
    assert "requested_rewrite.subject is missing" in dataset.reported[0].reason
    assert "No true target" in remarks(dataset, 3)
    assert "No-op edit" in remarks(dataset, 4)
    assert "Rephrase 1 without the subject 'Mona Lisa'" in remarks(dataset, 4)
    assert "case_id '5' is taken" in remarks(dataset, 4)
    assert "1 of 2 prompts in neighborhood_prompts repeat another" in remarks(dataset, 7)
    assert "paraphrase_prompts is empty" in remarks(dataset, 7)
    assert [r.case_id for r in dataset.requests] == ["5", "6", "5-2", "5-3", "7"]


def test_easyedit_counterfact_with_texts_and_lists() -> None:
    dataset = read(
        easyedit(),
        easyedit(
            case_id=4,
            ground_truth=["Leonardo", "da Vinci"],
            rephrase_prompt=["One Mona Lisa", "Two"],
            locality_prompt=["Guernica is by", "Saturn is by"],
            locality_ground_truth=["Picasso", ["Goya", "Francisco Goya"]],
        ),
        easyedit(case_id=5, locality_prompt="", rephrase_prompt=""),
        easyedit(case_id=6, locality_prompt=["a", "b", "c"], locality_ground_truth=["x", "y"]),
    )
    assert dataset.format == "counterfact-easyedit"
    one, two, three, four = dataset.requests
    assert one.locality == (Probe("Guernica was painted by", ("Picasso",), "locality"),)
    assert two.true_aliases == ("da Vinci",)
    assert [p.answers for p in two.locality] == [("Picasso",), ("Goya", "Francisco Goya")]
    assert "2 true answers" in remarks(dataset, 2)
    assert "Rephrase 2 without the subject" in remarks(dataset, 2)
    assert three.locality == three.rephrases == ()
    assert "rephrase_prompt is empty" in remarks(dataset, 3)
    assert "locality_prompt is empty" in remarks(dataset, 3)
    assert [p.answers for p in four.locality] == [(), (), ()]
    assert "do not pair up" in remarks(dataset, 4)


def test_zsre_mend() -> None:
    dataset = read(zsre(), zsre(alt="leonardo da vinci"), zsre(alt=2006, answers=[1998]), zsre(alt=""))
    assert dataset.format == "zsre-mend"
    request = dataset.requests[0]
    assert (request.prompt, request.target_new) == ("Who painted Mona Lisa?", "Goya")
    assert request.true_answers == ("Leonardo", "Leonardo da Vinci")
    assert request.locality == (Probe("nq question: who wrote the iliad", ("Homer",), "locality", "Natural Questions"),)
    assert request.rephrases[0].answers == ("Goya",)
    assert request.case_id == "1"
    assert "No-op edit" in remarks(dataset, 2)
    assert (dataset.requests[2].target_new, dataset.requests[2].target_true) == ("2006", "1998")
    assert dataset.reported[0].reason == "The field alt is missing or empty."


def test_knowedit_zsre() -> None:
    record = knowedit(
        ground_truth=["Leonardo"],
        rephrase_prompt="Who painted it?",
        portability={"Subject_Aliasing": [{"prompt": "The painter of La Gioconda is", "ground_truth": "Goya"}]},
    )
    dataset = read(record)
    assert dataset.format == "knowedit-zsre"
    request = dataset.requests[0]
    assert request.portability == (
        Probe("The painter of La Gioconda is", ("Goya",), "portability", "Subject_Aliasing"),
    )
    assert request.locality[0].answers == ("Louvre", "the Louvre")
    assert "Rephrase 1 without the subject" in remarks(dataset)


def test_knowedit_wiki_counterfact_and_recent() -> None:
    assert read(knowedit(ground_truth="Leonardo")).format == "knowedit-wiki-counterfact"
    recent = read(knowedit())
    assert recent.format == "knowedit-wiki-recent"
    assert recent.requests[0].target_true == ""
    assert recent.requests[0].true_answers == ()
    assert recent.remarks == ()


def test_knowedit_wiki_quirks() -> None:
    several = [["French", "fr"], ["Dutch"], []]
    dataset = read(
        knowedit(
            locality={"Relation_Specificity": [{"prompt": "They speak", "ground_truth": several}], "Forgetfulness": []},
            portability={
                "Reasoning": [{"prompt": "a", "ground_truth": [[]]}, {"prompt": "b", "ground_truth": [["x"]]}]
            },
        ),
        knowedit(locality={}, portability={}),
        knowedit(locality={"G": [{"prompt": "a", "ground_truth": [[]]}]}, portability={"G": []}),
        knowedit(locality={"G": [{"ground_truth": "x"}, 7, {"prompt": "p", "ground_truth": {"no": 1}}]}, portability=3),
        knowedit(locality={"G": {"prompt": ["p", "q"], "ground_truth": ["x", "y"]}}, portability=None),
        knowedit(portability={"R": [{"prompt": "same", "ground_truth": [[a]]} for a in ("x", "y")]}),
    )
    assert dataset.requests[0].locality[0].answers == ("French", "fr", "Dutch")
    assert [p.prompt for p in dataset.requests[0].portability] == ["b"]
    assert "1 of 1 probes in locality have several answers; any alias of any one is accepted." in remarks(dataset)
    assert "locality.Forgetfulness is empty." in remarks(dataset)
    assert "1 of 2 probes in portability have no answer and were left out." in remarks(dataset)
    assert "Locality is empty. Portability is empty." in remarks(dataset, 2)
    assert dataset.requests[2].locality == (Probe("a", (), "locality", "G"),)
    assert "only compared before and after" in remarks(dataset, 3)
    fourth = remarks(dataset, 4)
    assert "1 of 1 probes in locality.G have no prompt" in fourth
    assert "A probe in locality.G is a number" in fourth
    assert "Part of the answers of locality.G is an object" in fourth
    assert "Portability is a number, not lists of probes" in fourth
    assert [(p.prompt, p.answers) for p in dataset.requests[4].locality] == [("p", ("x",)), ("q", ("y",))]
    assert "1 of 2 probes in portability repeat a prompt" in remarks(dataset, 6)


def test_wikibio_finds_its_concept_in_the_passage_and_numbers_recurring_ones() -> None:
    quoted = wikibio()
    named = wikibio(text="Ada King, Countess of Lovelace wrote to Babbage.")
    dataset = read(quoted, named, named, wikibio(text="A passage about somebody else."))
    assert dataset.format == "knowedit-wikibio"
    assert dataset.requests[0].subject == "ada king , countess of lovelace"
    assert dataset.requests[1].subject == "Ada King, Countess of Lovelace"
    assert dataset.requests[0].target_new == "She described a machine that could compose music."
    assert dataset.requests[0].target_true == ""
    assert dataset.requests[0].locality[0].answers == ("mathematician",)
    assert [r.case_id for r in dataset.requests] == ["1", "2", "3"]
    assert "spells the subject" in remarks(dataset, 2)
    assert "Same content as record 2; both are kept." in remarks(dataset, 3)
    assert "does not occur in the prompt" in dataset.reported[0].reason


def test_known_facts_take_another_answer_of_the_same_relation() -> None:
    records = [
        known(0, "Cusco", "Peru"),
        known(1, "Arica", "Chile"),
        known(2, "Lima", "peru"),
        known(3, "Bach", "organ", "P1303"),
        known(4, "Handel", "Organ", "P1303"),
    ]
    dataset = read(*records)
    assert dataset.format == "known-1000"
    assert [(r.case_id, r.target_true, r.target_new) for r in dataset.requests[1:2]] == [("1", "Chile", "peru")]
    assert all(r.target_new.lower() != r.target_true.lower() for r in dataset.requests)
    assert [issue.row for issue in dataset.reported] == [4, 5]
    assert "relation P1303" in dataset.reported[0].reason
    assert "another record's answer" in dataset.description
    assert read(*records).digest == dataset.digest


def test_golden_layers_format() -> None:
    content = {"format": "golden-layers", "version": 1, "description": "Made.", "licence": "x", "requests": [own()]}
    dataset = read_bytes(json.dumps(content).encode(), "bundled")
    (request,) = dataset.requests
    assert (dataset.format, dataset.description, dataset.name) == ("golden-layers", "Made.", "bundled")
    assert (request.case_id, request.relation, request.split) == ("capital-peru", "capital", "proxy")
    assert request.true_answers == ("Lima", "City of Lima")
    assert request.rephrases == (Probe("Peru is governed from", ("Quito",), "rephrase"),)
    assert request.locality == (Probe("The capital of Cuba is", ("Havana",), "locality"),)
    assert request.portability[0].name == "reasoning"
    assert dataset.remarks == ()
    assert read(own(portability=[])).remarks == ()
    assert "Split is 'dev'; only proxy and test are known" in remarks(read(own(split="dev")))


@pytest.mark.parametrize("version", [2, None, "one", [1]])
def test_other_versions_of_our_format_are_refused(version: object) -> None:
    content = {"format": "golden-layers", "version": version, "requests": [own()]}
    with pytest.raises(FormatError, match="version 1 is read"):
        read_bytes(json.dumps(content).encode(), "x")


@pytest.mark.parametrize(
    "record", [counterfact(), easyedit(), zsre(), knowedit(), wikibio(), known(1, "A b", "c"), own()]
)
def test_the_name_of_a_file_decides_nothing(record: dict[str, Any]) -> None:
    formats = {read(record, known(2, "D e", "f"), record, record, name=name).format for name in ("a.csv", "b", "x.png")}
    assert len(formats) == 1
    assert formats < {f.name for f in FORMATS}


@pytest.mark.parametrize("container", ["csv", "tsv", "parquet", "json-lines", "utf-16"])
@pytest.mark.parametrize(
    "record",
    [counterfact(), easyedit(), zsre(), knowedit(ground_truth="x", rephrase_prompt="y"), knowedit(), wikibio(), own()],
    ids=["counterfact", "easyedit", "zsre", "knowedit-zsre", "knowedit-wiki", "wikibio", "own"],
)
def test_a_record_reads_the_same_from_every_container(record: dict[str, Any], container: str) -> None:
    frame = pd.DataFrame([record])
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    data = {
        "csv": frame.to_csv(index=False).encode(),  # lists and objects as Python writes them
        "tsv": pd.DataFrame([{k: v if isinstance(v, str) else json.dumps(v) for k, v in record.items()}])
        .to_csv(index=False, sep="\t")
        .encode(),
        "parquet": buffer.getvalue(),
        "json-lines": json.dumps(record).encode() + b"\n",
        "utf-16": json.dumps([record], ensure_ascii=False).encode("utf-16"),
    }[container]
    plain, other = read(record), read_bytes(data, "made.json")
    assert (other.format, other.requests, other.remarks) == (plain.format, plain.requests, plain.remarks)


def test_one_record_of_another_shape_does_not_change_the_format() -> None:
    dataset = read(zsre(), easyedit(), zsre())
    assert dataset.format == "zsre-mend"
    assert [issue.row for issue in dataset.reported] == [2]


def test_wrong_kinds_in_needed_fields_are_named() -> None:
    dataset = read(easyedit(), easyedit(prompt={"a": 1}), easyedit(subject=["a", "b"]), easyedit(target_new={"x": 1}))
    assert [issue.row for issue in dataset.reported] == [2, 3, 4]
    assert "prompt is an object, not text" in dataset.reported[0].reason
    assert "subject is a list, not text" in dataset.reported[1].reason
    assert "target_new" in dataset.reported[2].reason
    assert all(issue.severity == "rejected" for issue in dataset.reported)
    assert all("\n" not in issue.reason and issue.reason.endswith(".") for issue in dataset.reported)


def test_several_missing_fields_are_named_together() -> None:
    dataset = read(easyedit(), easyedit(prompt="", target_new=None))
    assert dataset.reported[0].reason == "The fields prompt and target_new are missing or empty."


def test_equal_content_is_kept_and_said() -> None:
    dataset = read(easyedit(case_id=1), easyedit(case_id=2), easyedit(case_id=2, subject="mona lisa"))
    assert [r.case_id for r in dataset.requests] == ["1", "2", "2-2"]
    assert "Same content as record 1" in remarks(dataset, 2)
    assert dataset.requests[0].digest == dataset.requests[2].digest
    assert "Same content as record 1" in remarks(dataset, 3)
    assert "'Mona Lisa', and that spelling is used" in remarks(dataset, 3)


def test_made_ids_never_collide_with_given_ones() -> None:
    dataset = read(easyedit(case_id="7"), easyedit(case_id="7-2"), easyedit(case_id="7"), easyedit(case_id="7-2"))
    assert len({r.case_id for r in dataset.requests}) == 4


def test_templates_are_filled() -> None:
    dataset = read(easyedit(prompt="{} is by", rephrase_prompt="Who made {subject}?"), easyedit(prompt="{subject} {}"))
    assert dataset.requests[0].prompt == "Mona Lisa is by"
    assert dataset.requests[0].rephrases[0].prompt == "Who made Mona Lisa?"
    assert dataset.requests[1].prompt == "Mona Lisa {}"


def test_lone_surrogates_do_not_break_a_digest() -> None:
    data = json.dumps([easyedit(prompt="Mona Lisa \ud800 is by", target_new="G\udfffya")]).encode()
    request = read_bytes(data, "x\ud800").requests[0]
    assert len(request.digest) == 32
    assert request.target_new == "G\ufffdya"
