"""Stored rows that depend on tokens: those made by another rule for tokens are used only where it gave the same."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd

from goldenlayers_core.records import EditRequest
from goldenlayers_core.runtime import Store

if TYPE_CHECKING:
    from goldenlayers_core.models import ModelHandle

TOKENS_VERSION: Final = "t2"  # changes when a text would be tokenised, or a subject located, differently


def token_key(key: str) -> str:
    """Under what rows are kept whose tokens follow the rule of today."""
    return f"{key}-{TOKENS_VERSION}"


def read_rows(
    store: Store, table: str, key: str, handle: "ModelHandle", requests: Sequence[EditRequest]
) -> pd.DataFrame:
    """The rows of `token_key(key)`, after those of `key`, of before, for the requests whose tokens are the same.

    Of rows with equal "request" (and "layer") the later counts; they are returned once.
    """
    from goldenlayers_core.models.earlier import same_tokens

    rows, before = store.read_rows(table, token_key(key)), store.read_rows(table, key)
    if not len(before):
        return rows
    wanted = set(before["request"]) & {r.digest for r in requests}
    same = {r.digest for r in requests if r.digest in wanted and same_tokens(handle.tokenizer, r)}
    kept = before[before["request"].isin(same)]
    if not len(kept) or not len(rows):
        return kept if len(kept) else rows
    names = [name for name in ("request", "layer") if name in rows]
    return pd.concat([kept, rows]).drop_duplicates(names, keep="last").reset_index(drop=True)
