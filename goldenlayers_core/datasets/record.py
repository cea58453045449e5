"""One raw record with tolerant access to its fields, and the draft of a request that a format makes of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from goldenlayers_core.datasets.text import kind_of, scalar_text
from goldenlayers_core.records import Probe, ProbeKind

_DEPTH = 4  # [[[str]]] at most; deeper nesting is no list of answers


@dataclass(frozen=True)
class Draft:
    """What a format read from one record; not yet checked. `notes` say what was odd about it."""

    prompt: str
    subject: str
    target_new: str
    target_true: str = ""
    true_aliases: tuple[str, ...] = ()
    rephrases: tuple[str, ...] = ()
    locality: tuple[Probe, ...] = ()
    portability: tuple[Probe, ...] = ()
    relation: str = ""
    split: str = ""
    case_id: str = ""
    notes: tuple[str, ...] = ()
    refusal: str = ""  # the format's own reason why this cannot be a request


@dataclass(frozen=True)
class Alias:
    """The format's own names of the three fields that every request needs, for messages."""

    prompt: str = "prompt"
    subject: str = "subject"
    target_new: str = "target_new"


class Record:
    """A mapping read field by field; whatever is of the wrong kind is left out and said in `notes`."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was odd so far, each once."""
        return tuple(self._notes)

    def note(self, text: str) -> None:
        """Say what was odd."""
        self._notes[text] = None

    def get(self, *path: str) -> Any:
        """The value at a path of keys, None where there is none."""
        value: Any = self._content
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def text(self, *path: str) -> str:
        """The text at a path, "" where it is missing. A list of one is that one."""
        value = self.get(*path)
        if isinstance(value, list | tuple) and len(value) == 1:
            value = value[0]
        text = scalar_text(value)
        if text is None:
            self.note(f"{'.'.join(path)} is {kind_of(value)}, not text, and was left out")
            return ""
        return text

    def texts(self, *path: str) -> tuple[str, ...]:
        """Every text at a path: a single one, a list, or lists in a list; empty ones and repetitions dropped."""
        return self.flat(self.get(*path), ".".join(path))

    def flat(self, value: Any, label: str) -> tuple[str, ...]:
        """`value` (text, list, lists in a list) as texts without empty ones and repetitions."""
        found: dict[str, None] = {}
        for item in _leaves(value, _DEPTH):
            text = scalar_text(item)
            if text is None:
                self.note(f"part of {label} is {kind_of(item)}, not text, and was left out")
            elif text:
                found[text] = None
        return tuple(found)

    def prompts(self, key: str) -> tuple[str, ...]:
        """Like `texts`, for prompts: an empty field or a repetition gets a note."""
        value = self.get(key)
        prompts = self.texts(key)
        given = sum(bool(scalar_text(item)) for item in _leaves(value, _DEPTH))
        if key in self._content and value is not None and not given:
            self.note(f"{key} is empty")
        if given > len(prompts):
            self.note(f"{given - len(prompts)} of {given} prompts in {key} repeat another and were left out")
        return prompts

    def truths(self, *path: str) -> tuple[str, tuple[str, ...]]:
        """The true answer and its further spellings, from text or a list."""
        answers = self.texts(*path)
        if len(answers) > 1:
            label = ".".join(path)
            self.note(f"{label} lists {len(answers)} true answers; the first is the true target, all are accepted")
        return (answers[0], answers[1:]) if answers else ("", ())

    def target(self, *path: str) -> str:
        """The new target: text, or the first of a list."""
        answers = self.texts(*path)
        if len(answers) > 1:
            self.note(f"{'.'.join(path)} lists {len(answers)} targets; the first is the one that is written")
        return answers[0] if answers else ""

    def grouped_probes(self, key: str, kind: ProbeKind, optional: bool = False) -> tuple[Probe, ...]:
        """Probes of KnowEdit's shape: {group: [{prompt, ground_truth: str | [str] | [[str]]}]}, or a bare list.

        An empty field or group gets a note, unless it is `optional`.
        """
        value = self.get(key)
        if value is None:
            return ()
        if isinstance(value, Mapping):
            groups = [(scalar_text(name) or "", items) for name, items in value.items() if items is not None]
        elif isinstance(value, list | tuple):
            groups = [("", value)]
        else:
            self.note(f"{key} is {kind_of(value)}, not lists of probes, and was left out")
            return ()
        if not optional:
            whole = any(items for _, items in groups)
            empty = [f"{key}.{name}" for name, items in groups if not items] if whole else [key]
            for label in empty:
                self.note(f"{label} is empty")
        return self._answered(key, kind, [p for name, items in groups for p in self._group(key, name, items, kind)])

    def listed_probes(self, prompt_key: str, answer_key: str, kind: ProbeKind, name: str = "") -> tuple[Probe, ...]:
        """Probes kept in two fields, prompts in one and answers in the other (each text or a list)."""
        value = self.get(prompt_key)
        if value is None:
            return ()
        if value in ("", [], ()):
            self.note(f"{prompt_key} is empty")
            return ()
        pairs = self._pairs(value, self.get(answer_key), prompt_key)
        return self._answered(prompt_key, kind, [Probe(prompt, answers, kind, name) for prompt, answers in pairs])

    def _group(self, key: str, name: str, items: Any, kind: ProbeKind) -> Iterator[Probe]:
        label = f"{key}.{name}" if name else key
        for item in items if isinstance(items, list | tuple) else (items,):
            if isinstance(item, Mapping):
                expected = item.get("ground_truth", item.get("answers", item.get("answer")))
                for prompt, answers in self._pairs(item.get("prompt"), expected, label):
                    yield Probe(prompt, answers, kind, scalar_text(item.get("name")) or name)
            elif item:
                self.note(f"a probe in {label} is {kind_of(item)}, not an object, and was left out")

    def _pairs(self, prompt: Any, expected: Any, label: str) -> list[tuple[str, tuple[str, ...]]]:
        """Each prompt with its accepted answers: lists of equal length go pairwise, otherwise one set serves all."""
        prompts = list(_leaves(prompt, _DEPTH)) or [None]
        if len(prompts) > 1 and isinstance(expected, list | tuple) and len(expected) == len(prompts):
            answers = [self.flat(one, f"the answers of {label}") for one in expected]
        else:
            common = self.flat(expected, f"the answers of {label}")
            if len(prompts) > 1 and len(common) > 1:
                self.note(f"{label} has {len(prompts)} prompts but {len(common)} answers, which do not pair up")
                common = ()
            answers = [common] * len(prompts)
        pairs = [(scalar_text(one) or "", accepted) for one, accepted in zip(prompts, answers, strict=True)]
        blank = sum(not text for text, _ in pairs)
        if blank:
            self.note(f"{blank} of {len(pairs)} probes in {label} have no prompt and were left out")
        return [(text, accepted) for text, accepted in pairs if text]

    def _answered(self, label: str, kind: ProbeKind, probes: list[Probe]) -> tuple[Probe, ...]:
        """A portability probe without an answer measures nothing; a locality probe is still compared with before."""
        silent = sum(not p.answers for p in probes)
        if silent and kind == "locality":
            self.note(f"{silent} of {len(probes)} probes in {label} have no answer: only compared before and after")
        elif silent:
            self.note(f"{silent} of {len(probes)} probes in {label} have no answer and were left out")
            probes = [p for p in probes if p.answers]
        return tuple(probes)


def _leaves(value: Any, depth: int) -> Iterator[Any]:
    if depth and isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item, depth - 1)
    else:
        yield value
