"""A dataset as lines of JSON, from the process that reads files to the one that asked."""

import gc
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from goldenlayers_core import errors
from goldenlayers_core.datasets.outline import Outline
from goldenlayers_core.errors import DatasetError, LanguageError
from goldenlayers_core.records import Dataset, EditRequest, Probe, ProbeKind, RowIssue

_CHUNK: Final = 1000  # requests a line


def dataset_lines(dataset: Dataset) -> Iterator[str]:
    """The dataset, then its requests by the thousand."""
    head = [dataset.name, dataset.format, dataset.n_records, dataset.encoding, dataset.description]
    issues = [[[i.row, i.reason] for i in part] for part in (dataset.reported, dataset.remarks)]
    yield _line({"dataset": head, "issues": issues})
    for start in range(0, len(dataset.requests), _CHUNK):
        yield _line({"requests": [_request(r) for r in dataset.requests[start : start + _CHUNK]]})


def outline_line(found: Outline) -> str:
    """The outline of a table."""
    return _line({"outline": [found.columns, found.head, found.n_rows]})


def outline_from_lines(lines: Iterable[str]) -> Outline:
    """The outline. Raises as `dataset_from_lines` does."""
    content = json.loads("".join(lines))
    if "error" in content:
        raise _error(*content["error"])
    columns, head, n_rows = content["outline"]
    return Outline(tuple(columns), tuple(map(tuple, head)), n_rows)


def error_line(error: DatasetError) -> str:
    """What went wrong, for `dataset_from_lines` to raise."""
    languages = error.languages if isinstance(error, LanguageError) else ()
    return _line({"error": [type(error).__name__, str(error), languages]})


def dataset_from_lines(lines: Iterable[str]) -> Dataset:
    """The dataset. Raises the DatasetError that was written instead, and ValueError for anything else."""
    found: list[EditRequest] = []
    head: dict[str, Any] = {}
    with _no_collector():
        for line in lines:
            content = json.loads(line)
            if "error" in content:
                raise _error(*content["error"])
            if "dataset" in content:
                head = content
            found += [_request_from(values, head["dataset"][0]) for values in content.get("requests", ())]
    if not head:
        raise ValueError("no dataset")
    name, form, n_records, encoding, description = head["dataset"]
    reported, remarks = head["issues"]
    return Dataset(
        name=name,
        format=form,
        requests=tuple(found),
        reported=tuple(RowIssue(row, reason) for row, reason in reported),
        n_records=n_records,
        remarks=tuple(RowIssue(row, reason, "remark") for row, reason in remarks),
        encoding=encoding,
        description=description,
    )


@contextmanager
def _no_collector() -> Iterator[None]:
    """No garbage collection for a moment: many records are made, none of which refers to itself."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _error(name: str, message: str, languages: list[str]) -> DatasetError:
    kind = getattr(errors, name, DatasetError)
    if kind is LanguageError:
        return LanguageError(message, tuple(languages))
    return kind(message) if issubclass(kind, DatasetError) else DatasetError(message)


def _line(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"


def _request(request: EditRequest) -> list[Any]:
    r = request
    probes = [[[p.prompt, p.answers, p.name] for p in part] for part in (r.rephrases, r.locality, r.portability)]
    texts = [r.case_id, r.prompt, r.subject, r.target_new, r.target_true, r.relation, r.split, r.subject_at]
    return [texts, r.true_aliases, r.new_aliases, *probes]


def _request_from(values: list[Any], source: str) -> EditRequest:
    texts, true_aliases, new_aliases, rephrases, locality, portability = values
    case_id, prompt, subject, target_new, target_true, relation, split, subject_at = texts
    return EditRequest(
        case_id,
        prompt,
        subject,
        target_new,
        target_true,
        _probes(rephrases, "rephrase"),
        _probes(locality, "locality"),
        _probes(portability, "portability"),
        relation,
        source,
        tuple(true_aliases),
        split=split,
        subject_at=subject_at,
        new_aliases=tuple(new_aliases),
    )


def _probes(listed: list[Any], kind: ProbeKind) -> tuple[Probe, ...]:
    return tuple(Probe(prompt, tuple(answers), kind, name) for prompt, answers, name in listed)
