"""The datasets that are known by name: bundled ones, and public ones on the Hugging Face hub."""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from goldenlayers_core.datasets.apart import read_apart
from goldenlayers_core.datasets.files import read_plain
from goldenlayers_core.datasets.hub import fetch
from goldenlayers_core.datasets.reading import read_bytes
from goldenlayers_core.datasets.text import shorten
from goldenlayers_core.datasets.wrappers import is_language
from goldenlayers_core.errors import DatasetError
from goldenlayers_core.records import Dataset

_ASSETS = Path(__file__).resolve().parents[2] / "assets" / "datasets"
_KNOWEDIT = ("zjunlp/KnowEdit", "6d218881e60c7c8be836bd2befd598eb3b318be4")


@dataclass(frozen=True)
class CatalogueEntry:
    """A dataset that `open_dataset` knows by name."""

    name: str
    title: str
    description: str
    n_requests: int | None  # None: not known before it is fetched
    licence: str
    where: Literal["bundled", "hub"]
    repository: str = ""  # on the hub
    filename: str = ""
    revision: str = "main"


_BUNDLED = (
    CatalogueEntry(
        "bundled",
        "Golden Layers facts",
        "True facts in many relations with rephrases, locality and portability probes, split into proxy and test.",
        None,
        "Apache-2.0",
        "bundled",
        filename="bundled.json",
    ),
    CatalogueEntry(
        "bundled-hard",
        "Golden Layers facts, harder",
        "Targets of several tokens and whole sentences, subjects in the middle of the prompt, questions.",
        None,
        "Apache-2.0",
        "bundled",
        filename="bundled-hard.json",
    ),
    CatalogueEntry(
        "classroom",
        "Classroom facts",
        "Invented people, for the tiny classroom model only: it was taught all of them but the first, which was "
        "planted in one known layer.",
        None,
        "Apache-2.0",
        "bundled",
        filename="classroom.json",
    ),
)


def _knowedit(name: str, title: str, description: str, filename: str) -> CatalogueEntry:
    repository, revision = _KNOWEDIT
    return CatalogueEntry(
        name, title, description, None, "MIT (dataset card)", "hub", repository, f"benchmark/{filename}", revision
    )


_HUB = (
    CatalogueEntry(
        "counterfact",
        "CounterFact, test part",
        "Counterfactual edits with two rephrases and ten neighbourhood prompts each (Meng et al. 2022).",
        2191,
        "MIT (ROME)",
        "hub",
        "azhx/counterfact",
        "data/test-00000-of-00001-bacb83500fca49a9.parquet",
        "c01c413f856ee38f5c080c9fc5e87aff478e2ff9",
    ),
    CatalogueEntry(
        "counterfact-tracing",
        "CounterFact for tracing",
        "All CounterFact prompts with the true and the false target, without probes (Nanda 2022).",
        21919,
        "not stated on the card; CounterFact itself is MIT",
        "hub",
        "NeelNanda/counterfact-tracing",
        "data/train-00000-of-00001-36693f2cad948c42.parquet",
        "c945b082ca08d0a8f3ba227fb78404a09614c36e",
    ),
    CatalogueEntry(
        "zsre",
        "zsRE, evaluation part (MEND)",
        "Questions with a rephrase and an unrelated question from Natural Questions (Levy et al. 2017).",
        None,
        "not stated on the card; the text's own licence is not determined",
        "hub",
        "wangzn2001/Model_Editing_Hurt",
        "training-data/zsre_mend_eval.json",
    ),
    _knowedit(
        "knowedit-zsre",
        "KnowEdit ZsRE",
        "zsRE questions with locality and portability probes (Zhang et al. 2024).",
        "ZsRE/ZsRE-test-all.json",
    ),
    _knowedit(
        "knowedit-wiki-counterfact",
        "KnowEdit WikiData counterfact",
        "Counterfactual edits with many aliased probes, no rephrases (Zhang et al. 2024).",
        "wiki_counterfact/test_cf.json",
    ),
    _knowedit(
        "knowedit-wiki-recent",
        "KnowEdit WikiData recent",
        "Facts newer than most models, without true targets (Zhang et al. 2024).",
        "wiki_recent/recent_test.json",
    ),
    _knowedit(
        "knowedit-wikibio",
        "KnowEdit WikiBio",
        "Passages about people, continued by a true sentence (Zhang et al. 2024).",
        "WikiBio/wikibio-test-all.json",
    ),
)


def catalogue() -> tuple[CatalogueEntry, ...]:
    """Every dataset known by name, the bundled ones first. No network is used."""
    return (*(replace(entry, n_requests=_count(entry)) for entry in _BUNDLED), *_HUB)


def _count(entry: CatalogueEntry) -> int | None:
    try:
        content = json.loads((_ASSETS / entry.filename).read_text(encoding="utf-8"))
        return len(content["requests"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def open_dataset(name_or_path: str | os.PathLike[str]) -> Dataset:
    """A dataset of the catalogue by name (a hub one is fetched once and then read from the hub's cache), or a file.

    A catalogue name wins over a file of the same name; write "./name" for the file. "FILE#zh" is a file that tells its
    facts in several languages, read in one of them. Raises a DatasetError.
    """
    wanted = os.fspath(name_or_path)
    entry = next((e for e in (*_BUNDLED, *_HUB) if e.name == wanted), None)
    if entry is not None:
        return (read_bytes if entry.where == "bundled" else read_apart)(_content(entry), entry.name)
    file, _, language = wanted.rpartition("#")
    if file and is_language(language) and not _exists(wanted) and _exists(file):
        return read_apart(*read_plain(file), language=language)
    if not _exists(wanted):
        names = ", ".join(e.name for e in (*_BUNDLED, *_HUB))
        raise DatasetError(f"{shorten(wanted, 200)!r} is no file and no known dataset; give a file or one of {names}.")
    return read_apart(*read_plain(wanted))


def _content(entry: CatalogueEntry) -> bytes:
    if entry.where == "hub":
        return fetch(entry.repository, entry.filename, entry.revision)
    try:
        return (_ASSETS / entry.filename).read_bytes()
    except OSError as error:
        raise DatasetError(
            f"The dataset {entry.name} is missing from {_ASSETS}; get the project's folder assets/ again."
        ) from error


def _exists(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # too long, a zero byte, an unknown user after "~"
        return False
