"""Stored rows of before are used where the tokens of their requests are the same today, and only there."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from goldenlayers_core.datasets import open_dataset
from goldenlayers_core.models.earlier import ids_before, same_tokens
from goldenlayers_core.models.tokens import encode_pair, subject_last
from goldenlayers_core.records import EditRequest
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks.stored_rows import read_rows, token_key
from tests.tokenizers import KINDS, made

FRANCE = EditRequest("1", "The capital of France is", "France", "Rome", "Paris")
NIGER = EditRequest("2", "Nigeria borders Niger, whose language is", "Niger", "Thai", "French")
SPIDER = EditRequest("3", "The hero is called Spider-", "Spider", "Man", "Boy")
JAPAN = EditRequest("4", "日本の首都は", "日本", "京都", "東京")


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_known_where_both_rules_give_the_same(kind: str) -> None:
    tokenizer = made(kind)
    now = encode_pair(tokenizer, FRANCE.prompt, ("Rome",))
    assert same_tokens(tokenizer, FRANCE) == (now == ids_before(tokenizer, FRANCE.prompt, "Rome"))
    assert not any(
        same_tokens(tokenizer, request) for request in (NIGER, SPIDER, JAPAN, replace(FRANCE, subject="Spain"))
    )


def test_the_bundled_facts_have_the_tokens_they_had(bundled) -> None:
    requests = open_dataset("bundled").requests
    assert all(same_tokens(bundled.tokenizer, request) for request in requests)
    for request in requests[:: len(requests) // 20]:
        for answer in (request.target_new, request.target_true):
            was = ids_before(bundled.tokenizer, request.prompt, answer)
            assert encode_pair(bundled.tokenizer, request.prompt, (answer,)) == was
        first = request.prompt.find(request.subject)
        args = (bundled.tokenizer, request.prompt, request.subject)
        assert subject_last(*args) == subject_last(*args, first)


def test_rows_of_before_are_used_only_there(tmp_path: Path) -> None:
    store, handle = Store(tmp_path), SimpleNamespace(tokenizer=made("byte BPE"))
    requests = (FRANCE, NIGER)

    def rows(value: float, *given: EditRequest) -> pd.DataFrame:
        return pd.DataFrame({"request": [r.digest for r in given], "value": [value] * len(given)})

    def found() -> dict[str, float]:
        read = read_rows(store, "lga", "key", handle, requests)
        return dict(zip(read["request"], read["value"], strict=True)) if len(read) else {}

    assert found() == {}
    store.append_rows("lga", "key", rows(1.0, FRANCE, NIGER))
    assert found() == {FRANCE.digest: 1.0}
    store.append_rows("lga", token_key("key"), rows(2.0, NIGER))
    assert found() == {FRANCE.digest: 1.0, NIGER.digest: 2.0}
    store.append_rows("lga", token_key("key"), rows(3.0, FRANCE))
    assert found() == {FRANCE.digest: 3.0, NIGER.digest: 2.0}


def test_the_longest_key_still_names_a_table() -> None:
    parts = ("f" * 32, "bfloat16", "cuda", "alphaedit", "c" * 32, "sweep-1", "m" * 8, "writing")
    assert len(token_key("-".join(parts))) <= 120
