"""374 labelled pairs of continuations in 44 languages and 24 scripts: does the second answer as the first did?

`pairs.tsv` is ours: every pair was written for this project and labelled by what a reader would say. Its column `old`
is what the rules before "answers-2" said (`benchmarks/judging_old.py`).
"""

import csv
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks import judging_old
from goldenlayers_core.evaluation.answers import same_answer
from goldenlayers_core.evaluation.settled import same_settled


class Pair(NamedTuple):
    """One line of the file."""

    language: str
    script: str
    kind: str
    before: str
    after: str
    aliases: tuple[str, ...]
    same: bool
    old: bool


def read_pairs() -> list[Pair]:
    path = Path(__file__).with_name("pairs.tsv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Pair(
            row["language"],
            row["script"],
            row["kind"],
            row["before"].replace("\\n", "\n"),
            row["after"].replace("\\n", "\n"),
            tuple(a for a in row["aliases"].split(";") if a),
            row["same"] == "yes",
            row["old"] == "yes",
        )
        for row in rows
    ]


PAIRS = read_pairs()


def test_the_set_is_large_and_even() -> None:
    assert len(PAIRS) == len({(p.before, p.after, p.aliases) for p in PAIRS}) >= 300
    assert len({p.script for p in PAIRS}) >= 20
    assert len({p.language for p in PAIRS}) >= 20
    assert 0.45 < sum(p.same for p in PAIRS) / len(PAIRS) < 0.55


@pytest.mark.parametrize("pair", PAIRS, ids=[f"{p.language}-{p.kind}-{i}" for i, p in enumerate(PAIRS)])
def test_every_pair_is_judged_rightly_in_both_orders(pair: Pair) -> None:
    assert same_answer(pair.before, pair.after, pair.aliases) is pair.same
    assert same_answer(pair.after, pair.before, pair.aliases) is pair.same


def test_what_the_old_rules_said_is_kept() -> None:
    assert [judging_old.same_answer(p.before, p.after, p.aliases) for p in PAIRS] == [p.old for p in PAIRS]
    wrong = Counter((p.same, p.old) for p in PAIRS if p.same is not p.old)
    assert wrong == {(True, False): 86, (False, True): 65}


def test_no_verdict_comes_too_early() -> None:
    decided = 0
    for pair in PAIRS:
        for before, after in ((pair.before, pair.after), (pair.after, pair.before)):
            for cut in range(1, len(after) + 1):
                found = same_settled(before, after[:cut], pair.aliases)
                if found is not None:
                    decided += 1
                    assert found == same_answer(before, after.strip().split("\n")[0], pair.aliases), (pair, after[:cut])
    assert decided > 1200
