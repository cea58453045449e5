"""Proxy dataset and test set."""

import pytest

from goldenlayers_core.datasets import split_proxy
from goldenlayers_core.errors import ConfigError, DatasetError
from goldenlayers_core.records import Dataset, EditRequest


def made(subjects: int, each: int = 2, **fields: str) -> Dataset:
    requests = tuple(
        EditRequest(f"{s}-{n}", f"Person {s} lives in {n}", f"Person {s}", "a", "b", **fields)
        for s in range(subjects)
        for n in range(each)
    )
    return Dataset("made", "table", requests, (), len(requests))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_no_subject_is_in_both_and_nothing_is_lost(share: float) -> None:
    dataset = made(50)
    proxy, test = split_proxy(dataset, share)
    assert len(proxy.requests) == 2 * round(50 * share)
    assert not {r.subject for r in proxy.requests} & {r.subject for r in test.requests}
    assert sorted(r.case_id for r in (*proxy.requests, *test.requests)) == sorted(r.case_id for r in dataset.requests)
    assert [r for r in dataset.requests if r in proxy.requests] == list(proxy.requests)


def test_the_split_is_the_same_every_time_and_turns_with_the_seed() -> None:
    dataset = made(50)
    again = Dataset("other", "table", tuple(reversed(dataset.requests)), (), 100)
    chosen = {r.case_id for r in split_proxy(dataset)[0].requests}
    assert chosen == {r.case_id for r in split_proxy(again)[0].requests}
    assert chosen != {r.case_id for r in split_proxy(dataset, seed=1)[0].requests}
    # Held fixed, so that every machine and version divides alike.
    assert sorted({r.subject for r in split_proxy(made(20, 1))[0].requests}) == ["Person 14", "Person 2"]


def test_a_given_split_is_kept_and_its_subjects_stay_together() -> None:
    mixed = tuple(
        EditRequest(str(n), "Ann is in", name, "a", "b", split=split)
        for n, (name, split) in enumerate([("Ann", "test"), ("ann ", ""), ("Bob", "proxy"), ("Cyd", "test")])
    )
    proxy, test = split_proxy(Dataset("made", "table", mixed, (), 4), 0.5)
    assert [r.case_id for r in proxy.requests] == ["2"]
    assert [r.case_id for r in test.requests] == ["0", "1", "3"]
    whole, rest = split_proxy(made(3, split="proxy"), 0.5)
    assert (len(whole.requests), len(rest.requests)) == (6, 0)


def test_both_sides_get_at_least_one_subject() -> None:
    for share in (0.001, 0.999):
        proxy, test = split_proxy(made(2), share)
        assert len(proxy.requests) == len(test.requests) == 2


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_a_share_outside_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        split_proxy(made(4), share)


@pytest.mark.parametrize("subjects", [0, 1])
def test_one_subject_cannot_be_split(subjects: int) -> None:
    with pytest.raises(DatasetError, match="at least 2"):
        split_proxy(made(subjects))


def test_requests_without_a_subject_are_divided_by_their_prompts() -> None:
    plain = tuple(EditRequest(str(n), f"Land {n} is in", "", "a", "b") for n in range(10))
    proxy, test = split_proxy(Dataset("made", "table", plain, (), 10), 0.3)
    assert (len(proxy.requests), len(test.requests)) == (3, 7)
