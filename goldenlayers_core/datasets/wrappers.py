"""The records inside a JSON object: a list under some name, splits, numbered records, columns, a call's arguments."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from goldenlayers_core.datasets.mapping import guess_mapping
from goldenlayers_core.datasets.text import shorten
from goldenlayers_core.errors import FormatError

_LISTS: Final = ("requests", "data", "records", "examples", "rows", "items", "facts", "dataset")
_SPLITS: Final = {"train": "proxy", "training": "proxy", "proxy": "proxy", "test": "test", "testing": "test"}
_BETWEEN: Final = (
    "validation",
    "valid",
    "val",
    "dev",
    "eval",
)  # the part to choose on, or to judge on where there is no test
_ROW = frozenset({"row", "row_idx", "row_index", "truncated_cells"})
_CALL = ("subject", "target_new", "ground_truth", "rephrase_prompts")
_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z]{2,4})?")
_DEPTH = 4  # wrappers inside wrappers


@dataclass(frozen=True)
class Opened:
    """The records of a file, and what stood around them."""

    records: Sequence[Any]
    header: Mapping[str, Any] = field(default_factory=dict)  # the fields beside the list of records
    splits: Sequence[str] = ()  # of each record; () where there is only one list
    notes: Mapping[int, str] = field(default_factory=dict)  # by the record's number, from 1


def is_language(key: Any) -> bool:
    """Whether a key is the code of a language, such as en or pt-BR."""
    return isinstance(key, str) and _LANGUAGE.fullmatch(key) is not None


def open_object(content: dict[str, Any], name: str, depth: int = _DEPTH) -> Opened:
    """The records in a JSON object: where no wrapper is recognised, the object itself is the one record.

    Raises FormatError for columns of unequal length and for an error message that was saved as if it were the file.
    """
    if isinstance(content.get("error"), str) and not content.keys() & {"prompt", "subject", *_LISTS}:
        raise FormatError(
            f"{shorten(name)} holds an error message instead of records ({shorten(content['error'], 80)!r}); "
            "download the file again."
        )
    if isinstance(content.get("data"), list) and isinstance(content.get("columns"), list):
        return Opened([_zipped(content["columns"], row) for row in content["data"]])
    for key in _LISTS:
        beside = {k: v for k, v in content.items() if k != key}
        if isinstance(content.get(key), list):
            return Opened(content[key], beside)
        if isinstance(content.get(key), dict) and depth and not content.keys() & {"prompt", "prompts"}:
            inner = open_object(content[key], name, depth - 1)
            return Opened(inner.records, {**beside, **inner.header}, inner.splits, inner.notes)
    if any(key in content for key in ("prompts", "prompt")) and "target_new" in content:
        called = _call(content, name)
        if called is not None:
            return called
    return _by_name(content, name, depth)


def _by_name(content: dict[str, Any], name: str, depth: int) -> Opened:
    """Records under names that are not ours: of splits, of columns, of the records themselves."""
    values = list(content.values())
    lists = [value for value in values if isinstance(value, list)]
    if lists and len(lists) == len(values):
        if all(_holds_objects(value) for value in lists):
            return _joined(list(content), lists)
        if len(lists) > 1 and not any(map(_holds_objects, lists)) and len(set(map(len, lists))) == 1:
            return Opened([dict(zip(content, cells, strict=True)) for cells in zip(*lists, strict=True)])
    if depth and values and all(isinstance(value, list | dict) for value in values) and _names_splits(content):
        parts = [open_object(v, name, depth - 1).records if isinstance(v, dict) else v for v in values]
        return _joined(list(content), parts)
    if values and all(isinstance(value, dict) for value in values):
        return Opened(_of_objects(content))
    holding = [key for key, value in content.items() if isinstance(value, list) and _holds_objects(value)]
    if len(holding) == 1 and not guess_mapping(content).used.keys() & {"prompt", "subject", "target_new"}:
        return Opened(content[holding[0]], {k: v for k, v in content.items() if k != holding[0]})
    return Opened([content])


def _of_objects(content: dict[str, dict[str, Any]]) -> list[Any]:
    """Objects in an object: pandas' {column: {row: value}}, records by number or name, or languages of one record."""
    values = list(content.values())
    numbered = all(key.isdigit() for key in content)
    inner = values[0].keys()
    if inner and not numbered and all(key.isdigit() for key in inner) and all(v.keys() == inner for v in values):
        return [{column: content[column][row] for column in content} for row in inner]
    common = set(inner).intersection(*values[1:]) if len(values) > 1 else set()
    if numbered or (common and not all(map(is_language, content))):
        return values
    return [content]


def _zipped(columns: list[Any], row: Any) -> Any:
    """A row of pandas' orient="split" as a record."""
    if isinstance(row, list) and len(row) == len(columns):
        return {str(column): value for column, value in zip(columns, row, strict=True)}
    return row


def _holds_objects(values: list[Any]) -> bool:
    return any(isinstance(value, dict) for value in values)


def _names_splits(names: Mapping[str, Any]) -> bool:
    return any(name.casefold() in (*_SPLITS, *_BETWEEN) for name in names)


def _joined(names: list[str], parts: Sequence[Sequence[Any]]) -> Opened:
    """Several lists one after another; the lists' names become splits where they name some."""
    records = [record for part in parts for record in part]
    if len(names) < 2:
        return Opened(records)
    has_test = any(_SPLITS.get(name.casefold()) == "test" for name in names)
    splits: list[str] = []
    notes: dict[int, str] = {}
    for name, part in zip(names, parts, strict=True):
        plain = name.casefold()
        split = _SPLITS.get(plain, "") or ("proxy" if has_test else "test") * (plain in _BETWEEN)
        use = {"proxy": "the proxy dataset", "test": "the test set"}.get(split, "both parts, as the subjects fall")
        if part and plain != split:
            notes[len(splits) + 1] = f"the file's part {shorten(name, 40)!r}, from here on, is used for {use}"
        splits += [split] * len(part)
    return Opened(records, splits=splits, notes=notes)


def unwrap_rows(opened: Opened) -> Opened:
    """Records as the hub's viewer hands them out, {"row_idx": 0, "row": {...}}, without that wrapper."""
    first = opened.records[0] if opened.records else None
    if not (isinstance(first, dict) and isinstance(first.get("row"), dict) and first.keys() <= _ROW):
        return opened
    records, notes = [], dict(opened.notes)
    for number, record in enumerate(opened.records, 1):
        wrapped = isinstance(record, dict) and isinstance(record.get("row"), dict)
        records.append(record["row"] if wrapped else record)
        if wrapped and record.get("truncated_cells"):
            cut = ", ".join(shorten(str(cell), 40) for cell in list(record["truncated_cells"])[:10])
            notes[number] = f"the hub's viewer cut these fields short: {cut}; download the file itself"
    return Opened(records, opened.header, opened.splits, notes)


def _call(content: dict[str, Any], name: str) -> Opened | None:
    """EasyEdit's call arguments, or a table by columns, as one record per prompt; None where they are one record."""
    key = "prompts" if "prompts" in content else "prompt"
    if key == "prompt" and not all(isinstance(content[k], list) for k in (key, "target_new")):
        return None
    prompts = content[key] if isinstance(content[key], list) else [content[key]]
    columns: dict[str, list[Any]] = {}
    apart: dict[str, Any] = {}  # what is said of the call, not of a prompt
    for field_name, value in content.items():
        if isinstance(value, list) and (len(value) == len(prompts) or field_name in _CALL):
            columns[field_name] = value
        elif isinstance(value, dict):
            columns[field_name] = _groups(value, field_name, len(prompts), name)
        elif isinstance(value, str) and field_name in (key, *_CALL):
            columns[field_name] = [value]
        else:
            apart[field_name] = value
    for field_name, column in columns.items():
        _check_length(len(column), field_name, len(prompts), key, name)
    records = [{field_name: column[place] for field_name, column in columns.items()} for place in range(len(prompts))]
    unread = ", ".join(shorten(field_name, 40) for field_name, value in apart.items() if isinstance(value, list))
    notes = {1: f"not one value per prompt, so not read: {unread}"} if unread else {}
    return Opened(records, apart, notes=notes)


def _groups(groups: dict[str, Any], field_name: str, n_prompts: int, name: str) -> list[Any]:
    """{group: {"prompt": [...], "ground_truth": [...]}} as one {group: [{prompt, ground_truth}]} for every prompt."""
    found: list[dict[str, Any]] = [{} for _ in range(n_prompts)]
    for group, probes in groups.items():
        if not isinstance(probes, dict):
            continue
        for key, values in probes.items():
            column = values if isinstance(values, list) else [values]
            _check_length(len(column), f"{field_name}.{group}.{key}", n_prompts, "prompts", name)
            for place, value in enumerate(column):
                found[place].setdefault(group, [{}])[0][key] = value
    return found


def _check_length(length: int, field_name: str, n_prompts: int, key: str, name: str) -> None:
    if length != n_prompts:
        raise FormatError(
            f"{shorten(name)} has {n_prompts:,} values under {key} but {length:,} under {shorten(field_name, 80)}; "
            "give every field one value per prompt."
        )
