"""What a format is: how its records are recognised, and in which of their fields a request is kept."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from goldenlayers_core.datasets.record import Alias, Draft, Path, Record
from goldenlayers_core.records import Probe, ProbeKind

Row = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Probes:
    """Where probes are kept: prompts in one field and their answers in others, or both together in one."""

    prompts: Path
    answers: tuple[Path, ...] = ()  # (): groups of {prompt, ground_truth} under `prompts`
    name: str = ""  # of the probes, where their fields give none
    unique: bool = False  # prompts that share one answer: a prompt that recurs is asked once
    optional: bool = False  # an empty field is nothing to remark

    def read(self, record: Record, kind: ProbeKind) -> tuple[Probe, ...]:
        """The probes of a record."""
        if self.answers:
            return record.listed_probes(self.prompts, self.answers, kind, self.name, self.unique)
        return record.grouped_probes(self.prompts, kind, self.optional)


@dataclass(frozen=True)
class Fields:
    """The path of everything a request is made of; () where the format has no such field."""

    prompt: Path = ("prompt",)
    subject: Path = ("subject",)
    target_new: Path = ("target_new",)
    new_aliases: Path = ()
    target_true: Path = ()
    true_aliases: Path = ()
    rephrases: tuple[Path, ...] = ()
    locality: tuple[Probes, ...] = ()
    portability: tuple[Probes, ...] = ()
    relation: tuple[Path, ...] = ()  # the first that is not empty
    case_id: tuple[Path, ...] = (("case_id",),)
    split: Path = ()
    template: Path = ()
    unread: tuple[Path, ...] = ()  # what the records have besides; the format's description says so

    @cached_property
    def known(self) -> Mapping[str, frozenset[str]]:
        """The fields that are read or knowingly left, with those inside them; empty where the whole field is meant."""
        paths = [self.prompt, self.subject, self.target_new, self.new_aliases, self.target_true, self.true_aliases]
        paths += [self.split, self.template, *self.rephrases, *self.relation, *self.case_id, *self.unread]
        for probes in (*self.locality, *self.portability):
            paths += [probes.prompts, *probes.answers]
        inner: dict[str, set[str]] = {}
        for path in filter(None, paths):
            inner.setdefault(path[0], set()).update(path[1:2])
        return {key: frozenset(names) for key, names in inner.items()}

    @cached_property
    def _plain(self) -> frozenset[str]:
        return frozenset(key for key, names in self.known.items() if not names)

    def draft(self, row: Row) -> Draft:
        """What these fields hold in a record."""
        record = Record(row)
        true, aliases = record.truths(self.target_true)
        if self.true_aliases:
            aliases += tuple(alias for alias in record.texts(self.true_aliases) if alias != true)
        new = record.target(self.target_new)
        further = record.texts(self.new_aliases) if self.new_aliases else ()
        return Draft(
            prompt=record.text(self.prompt),
            subject=record.text(self.subject),
            target_new=new,
            target_true=true,
            true_aliases=aliases,
            new_aliases=tuple(alias for alias in further if alias != new),
            rephrases=_joined(record.prompts(path) for path in self.rephrases if path[0] in row),
            locality=_joined(place.read(record, "locality") for place in self.locality if place.prompts[0] in row),
            portability=_joined(
                place.read(record, "portability") for place in self.portability if place.prompts[0] in row
            ),
            relation=record.first(self.relation),
            split=record.text(self.split) if self.split else "",
            case_id=record.first(self.case_id),
            template=record.text(self.template) if self.template else "",
            notes=record.notes,
            has_subject=record.get(self.subject) is not None,
            left=(*record.left, *self._left(row)),
        )

    def _left(self, row: Row) -> tuple[str, ...]:
        """The fields of a record that hold something and are not read."""
        if row.keys() <= self._plain:
            return ()
        found = []
        for key, value in row.items():
            inner = self.known.get(key)
            if inner is None and not _is_empty(value):
                found.append(str(key))
            elif inner and isinstance(value, Mapping):
                found += [f"{key}.{name}" for name, v in value.items() if name not in inner and not _is_empty(v)]
        return tuple(found)


def _joined(parts: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    found: tuple[T, ...] = ()
    for part in parts:
        found += part
    return found


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, list | dict) and not value)


@dataclass(frozen=True)
class Format:
    """One published shape of records."""

    name: str
    description: str  # what a person should know about the requests it gives
    fits: Callable[[Row], bool]  # by the keys alone
    fields: Fields = field(default_factory=Fields)
    finish: Callable[[Sequence[Draft]], Sequence[Draft]] | None = None  # what takes all records to see

    def drafts(self, rows: Sequence[Row]) -> Sequence[Draft]:
        """One draft per row, in order."""
        drafts = [self.fields.draft(row) for row in rows]
        return self.finish(drafts) if self.finish else drafts

    @property
    def alias(self) -> Alias:
        """The names of the needed fields, for messages."""
        return Alias(*(".".join(path) for path in (self.fields.prompt, self.fields.subject, self.fields.target_new)))


def has(row: Row, *keys: str) -> bool:
    """Whether the row has every one of these keys; None counts as absent (Parquet gives every row every key)."""
    return all(row.get(key) is not None for key in keys)


def within(fields: Fields, key: str) -> Fields:
    """The same fields, needed ones and targets inside the field `key`."""
    inside = {name: (key, *getattr(fields, name)) for name in ("prompt", "subject", "target_new", "target_true")}
    return dataclasses.replace(fields, **inside)
