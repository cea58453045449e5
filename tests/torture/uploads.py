"""Mutated uploads: a file is read, or refused in one sentence, in bounded time; nothing else ever comes of it.

Small files of every format that is read are made here, then cut, flipped, repeated, spliced, written in another
encoding or given another's name. They go through the reader that the reading process calls, one in a hundred of
them through such a process. Files made to unpack to gigabytes are in tests/datasets/test_apart.py.
"""

import csv
import io
import json
import random
import time
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

from goldenlayers_core.datasets import read_bytes
from goldenlayers_core.datasets.apart import Reading
from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.records import Dataset
from tests.torture.outcome import Outcome, Tally

TIMES, QUICK = 10_000, 400
APART = 100  # one in so many is read by a process of its own
MOST_SECONDS = 20.0  # for files of some kilobytes, on a busy machine
ENCODINGS = ("utf-16", "utf-8-sig", "latin-1", "utf-32", "cp1252", "utf-16-be", "utf-7")
Mutation = Callable[[bytes, random.Random, list[bytes]], bytes]


def records(n: int = 8) -> list[dict[str, str]]:
    """Small honest records."""
    towns = ("Paris", "Rome", "Zürich", "東京", "Łódź", "Oslo", "Quito", "Lima")
    return [
        {
            "prompt": f"The capital of country {i} is",
            "subject": f"country {i}",
            "target_new": towns[i % 8],
            "ground_truth": towns[(i + 1) % 8],
            "rephrase_prompt": f"country {i} has the capital",
            "locality_prompt": "The sky is",
            "locality_ground_truth": "blue",
        }
        for i in range(n)
    ]


def seeds() -> dict[str, bytes]:
    """Name of a file -> its bytes; every kind of file that is read, in more than one shape."""
    rows = records()
    own = [
        {**{k: r[k] for k in ("prompt", "subject", "target_new")}, "rephrases": [r["rephrase_prompt"]]} for r in rows
    ]
    nested = [
        {"case_id": i, "requested_rewrite": {"prompt": "The capital of {} is", "subject": r["subject"],
         "target_new": {"str": r["target_new"]}, "target_true": {"str": r["ground_truth"]}},
         "paraphrase_prompts": [r["rephrase_prompt"]], "neighborhood_prompts": [r["locality_prompt"]]}
        for i, r in enumerate(rows)
    ]  # fmt: skip
    return {
        "a.csv": delimited(rows, ","),
        "a.tsv": delimited(rows, "\t"),
        "a.json": json.dumps(nested, ensure_ascii=False).encode(),
        "b.json": json.dumps({"format": "golden-layers", "version": 1, "requests": own}).encode(),
        "a.jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode(),
        "a.parquet": parquet(rows, "snappy"),
        "b.parquet": parquet(own, "zstd"),
    }


def delimited(rows: list[dict[str, str]], mark: str) -> bytes:
    """A table of text."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=mark)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def parquet(rows: list[dict[str, object]] | list[dict[str, str]], compression: str) -> bytes:
    """A Parquet file of two row groups."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out, row_group_size=5, compression=compression)
    return out.getvalue()


def cut(data: bytes, r: random.Random, _: list[bytes]) -> bytes:
    """Only its beginning, its end or a part of it."""
    a, b = sorted(r.randrange(len(data) + 1) for _ in range(2))
    return r.choice((data[:a], data[a:], data[a:b], data[:a] + data[b:]))


def flip(data: bytes, r: random.Random, _: list[bytes]) -> bytes:
    """Some bits of it changed."""
    changed = bytearray(data)
    for _n in range(r.choice((1, 1, 2, 8, 64))):
        changed[r.randrange(len(changed))] ^= 1 << r.randrange(8)
    return bytes(changed)


def repeat(data: bytes, r: random.Random, _: list[bytes]) -> bytes:
    """A piece of it, many times over."""
    a = r.randrange(len(data))
    b = min(len(data), a + r.choice((1, 4, 60, 400)))
    return data[:b] + data[a:b] * r.choice((1, 10, 500)) + data[b:]


def splice(data: bytes, r: random.Random, others: list[bytes]) -> bytes:
    """Its beginning and another's end, or noise in its middle."""
    other = r.choice((*others, r.randbytes(200), b"\0" * 200, b'[{"' * 200, b'"' * 99, b"\xff\xfe", b"-" * 400))
    a = r.randrange(len(data))
    return data[:a] + other[r.randrange(len(other)) :] + r.choice((b"", data[a:]))


def encode(data: bytes, r: random.Random, _: list[bytes]) -> bytes:
    """The same text in another encoding."""
    return data.decode("utf-8", "replace").encode(r.choice(ENCODINGS), "replace")


def same(data: bytes, _r: random.Random, _: list[bytes]) -> bytes:
    """As it is: the name alone is wrong."""
    return data


MUTATIONS: tuple[Mutation, ...] = (cut, flip, repeat, splice, encode, same)


def sound(data: bytes, name: str, apart: bool) -> str:
    """What came of reading: "read" or "refused in a sentence". AssertionError, or what the reader raised, else."""
    try:
        found = _apart(data, name) if apart else read_bytes(data, name)
    except GoldenLayersError as error:
        said = str(error)
        is_sentence = said.endswith(".") and "\n" not in said and len(said) < 2000
        assert is_sentence, f"no sentence: {said[:200]!r}"
        said.encode()
        return "refused in a sentence"
    assert found.n_records == len(found.requests) + len([issue.row for issue in found.reported]), "lost records"
    return "read"


def _apart(data: bytes, name: str) -> Dataset:
    with Reading(data, name) as reading:
        while (found := reading.result(0.05)) is None:
            pass
        return found


def run(times: int = TIMES, seed: int = 0) -> list[Outcome]:
    """The part."""
    tally, r, made = (
        Tally("uploads", "mutated uploads (CSV, TSV, JSON, JSON lines, Parquet)"),
        random.Random(seed),
        seeds(),
    )
    slowest, n_apart, names, others = 0.0, 0, list(made), list(made.values())
    for turn in range(times):
        own = names[turn % len(names)]
        mutation = MUTATIONS[turn // len(names) % len(MUTATIONS)]
        data = mutation(made[own], r, others)
        if r.random() < 0.2:
            data = r.choice(MUTATIONS)(data or b"x", r, others)
        wrong = mutation is same or r.random() < 0.1
        name = r.choice(("x.csv", "x.parquet", "x.json", "x.jsonl", "x.xlsx", "x", "\u202ex.tsv")) if wrong else own
        apart = turn % APART == 0
        n_apart += apart
        begun = time.monotonic()
        try:
            tally.count(sound(data, name, apart))
        except Exception as error:
            tally.count("lost")
            tally.lose(f"upload {turn} (seed {seed}, {mutation.__name__} of {own} as {name!r}): {error!r:.300}")
        took = time.monotonic() - begun
        slowest = max(slowest, took)
        if took > MOST_SECONDS:
            tally.lose(f"upload {turn} (seed {seed}, {mutation.__name__} of {own} as {name!r}) took {took:.0f} s")
    return [tally.outcome(f"{n_apart:,} of them in a reading process; the slowest took {slowest:.1f} s")]
