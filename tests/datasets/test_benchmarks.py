"""The real benchmark files, where they are at hand: every record accounted for."""

import os
from pathlib import Path

import pytest

from goldenlayers_core.datasets import guess_mapping, read_bytes, read_file

FOLDER = Path(os.environ.get("GOLDENLAYERS_BENCHMARKS", Path(__file__).resolve().parents[3] / "shared" / "benchmarks"))

# file, format, records, reported, rephrases, locality and portability probes, no-op edits
FILES = [
    ("counterfact", "counterfact", 250, 0, 500, 2499, 0, 0),
    ("counterfact_easyedit", "counterfact-easyedit", 200, 0, 200, 200, 0, 0),
    ("zsre_mend_eval", "zsre-mend", 250, 0, 250, 250, 0, 7),
    ("knowedit_zsre_test_all", "knowedit-zsre", 100, 0, 100, 200, 100, 8),
    ("knowedit_wikibio_test_all", "knowedit-wikibio", 100, 0, 0, 200, 0, 0),
    ("knowedit_wiki_counterfact_test_cf", "knowedit-wiki-counterfact", 100, 0, 0, 737, 692, 0),
    ("knowedit_wiki_recent_train", "knowedit-wiki-recent", 100, 0, 0, 252, 355, 0),
    ("knowedit_wiki_recent_test_first_alias", "knowedit-wiki-recent", 100, 0, 0, 484, 993, 0),
    ("known_1000", "known-1000", 200, 7, 0, 0, 0, 0),
]


def path_of(name: str) -> Path:
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"the benchmark file {path} is not here")
    return path


@pytest.mark.parametrize(
    ("name", "format_name", "records", "reported", "rephrases", "locality", "portability", "no_ops"), FILES
)
def test_every_record_is_read_or_reported(
    name: str,
    format_name: str,
    records: int,
    reported: int,
    rephrases: int,
    locality: int,
    portability: int,
    no_ops: int,
) -> None:
    dataset = read_file(path_of(name))
    assert dataset.format == format_name
    assert dataset.n_records == records == len(dataset.requests) + len(dataset.reported)
    assert len(dataset.reported) == reported
    assert len({r.case_id for r in dataset.requests}) == len(dataset.requests)
    for request in dataset.requests:
        assert request.subject in request.prompt
        assert request.target_new
        assert all(probe.prompt for probe in request.probes)
        assert all(probe.answers for probe in (*request.rephrases, *request.portability))
    counts = [sum(len(probes) for probes in kind) for kind in zip(*map(probes_of, dataset.requests), strict=True)]
    assert counts == [rephrases, locality, portability]
    assert sum("No-op edit" in remark.reason for remark in dataset.remarks) == no_ops
    assert all(1 <= issue.row <= records and issue.reason for issue in (*dataset.reported, *dataset.remarks))


def probes_of(request):  # type: ignore[no-untyped-def]
    return request.rephrases, request.locality, request.portability


def test_known_facts_without_an_alternative_are_the_ones_reported() -> None:
    dataset = read_file(path_of("known_1000"))
    assert [issue.row for issue in dataset.reported] == [37, 84, 132, 153, 168, 169, 182]
    assert all("no other answer in relation" in issue.reason.lower() for issue in dataset.reported)


def test_flat_files_read_the_same_through_a_mapping() -> None:
    data = path_of("counterfact_easyedit").read_bytes()
    columns = ("prompt", "subject", "target_new", "ground_truth", "rephrase_prompt", "locality_prompt")
    mapping = guess_mapping((*columns, "locality_ground_truth", "case_id"))
    by_columns, by_format = read_bytes(data, "x", mapping), read_bytes(data, "x")
    assert (by_columns.format, by_format.format) == ("table", "counterfact-easyedit")
    assert by_columns.requests == by_format.requests
