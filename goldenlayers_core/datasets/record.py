"""One raw record with tolerant access to its fields, and the draft of a request that is made of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from goldenlayers_core.datasets.text import clean, kind_of, scalar_text
from goldenlayers_core.records import MAX_PROMPT, Probe, ProbeKind

_DEPTH = 4  # [[[str]]] at most; deeper nesting is no list of answers
_ANSWERS = ("ground_truth", "answers", "answer")
_OF_A_PROBE = frozenset({"prompt", "name", *_ANSWERS})
_ASKED, _ANSWERED = "New Question", "New Answer"  # one probe, as zsRE and CounterFact with portability keep it

Path = tuple[str, ...]
"""Keys, one inside the other. () leads nowhere."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a format read from one record; not yet checked. `notes` say what was odd about it."""

    prompt: str
    subject: str
    target_new: str
    target_true: str = ""
    true_aliases: tuple[str, ...] = ()
    new_aliases: tuple[str, ...] = ()
    rephrases: tuple[str, ...] = ()
    locality: tuple[Probe, ...] = ()
    portability: tuple[Probe, ...] = ()
    relation: str = ""
    split: str = ""
    case_id: str = ""
    template: str = ""  # the prompt with "{}" for the subject, where the record has it beside the prompt
    notes: tuple[str, ...] = ()
    refusal: str = ""  # the format's own reason why this cannot be a request
    has_subject: bool = True  # whether the record has anything where its format keeps the subject
    left: tuple[str, ...] = ()  # fields inside probes that no reader knows


@dataclass(frozen=True)
class Alias:
    """The format's own names of the three fields that every request needs, for messages."""

    prompt: str = "prompt"
    subject: str = "subject"
    target_new: str = "target_new"


class Record:
    """A mapping read field by field; whatever is of the wrong kind is left out and said in `notes`."""

    __slots__ = ("_content", "_left", "_notes")

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content
        self._notes: dict[str, None] = {}
        self._left: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was odd so far, each once."""
        return tuple(self._notes)

    @property
    def left(self) -> tuple[str, ...]:
        """Fields inside probes that were passed over."""
        return tuple(self._left)

    def note(self, text: str) -> None:
        """Say what was odd."""
        self._notes[text] = None

    def get(self, path: Path) -> Any:
        """The value at a path of keys, None where there is none."""
        if not path:
            return None
        value: Any = self._content.get(path[0])
        for key in path[1:]:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def text(self, path: Path) -> str:
        """The text at a path, "" where it is missing. A list of one is that one."""
        value = self.get(path)
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, list | tuple) and len(value) == 1:
            value = value[0]
        single = scalar_text(value)
        if single is None:
            self.note(f"{'.'.join(path)} is {kind_of(value)}, not text, and was left out")
            return ""
        return single

    def first(self, paths: tuple[Path, ...]) -> str:
        """The first text that is not empty."""
        for path in paths:
            text = self.text(path)
            if text:
                return text
        return ""

    def texts(self, path: Path) -> tuple[str, ...]:
        """Every text at a path: a single one, a list, or lists in a list; empty ones and repetitions dropped."""
        return self.flat(self.get(path), path)

    def flat(self, value: Any, label: Path) -> tuple[str, ...]:
        """`value` (text, list, lists in a list) as texts without empty ones and repetitions."""
        if isinstance(value, str):
            text = clean(value)
            return (text,) if text else ()
        found: dict[str, None] = {}
        for item in _leaves(value, _DEPTH):
            single = scalar_text(item)
            if single is None:
                self.note(f"part of {'.'.join(label)} is {kind_of(item)}, not text, and was left out")
            elif single:
                found[single] = None
        return tuple(found)

    def prompts(self, path: Path) -> tuple[str, ...]:
        """Like `texts`, for prompts: an empty field or a repetition gets a note."""
        value = self.get(path)
        if value is None:
            return ()
        label = ".".join(path)
        prompts = self.flat(value, path)
        given = sum(bool(scalar_text(item)) for item in _leaves(value, _DEPTH))
        if not given:
            self.note(f"{label} is empty")
        if given > len(prompts):
            self.note(f"{given - len(prompts)} of {given} prompts in {label} repeat another and were left out")
        return tuple(text for text in prompts if self._is_short(text, label))

    def truths(self, path: Path) -> tuple[str, tuple[str, ...]]:
        """The true answer and its further spellings, from text or a list."""
        value = self.get(path)
        if isinstance(value, str):
            return clean(value), ()
        answers = self.flat(value, path) if value is not None else ()
        if len(answers) > 1:
            label = ".".join(path)
            self.note(f"{label} lists {len(answers)} true answers; the first is the true target, all are accepted")
        return (answers[0], answers[1:]) if answers else ("", ())

    def target(self, path: Path) -> str:
        """The new target: text, or the first of a list."""
        value = self.get(path)
        if isinstance(value, str):
            return clean(value)
        answers = self.flat(value, path)
        if len(answers) > 1:
            self.note(f"{'.'.join(path)} lists {len(answers)} targets; the first is the one that is written")
        return answers[0] if answers else ""

    def grouped_probes(self, path: Path, kind: ProbeKind, optional: bool = False) -> tuple[Probe, ...]:
        """Probes of KnowEdit's shape: {group: [{prompt, ground_truth: str | [str] | [[str]]}]}, or a bare list.

        An empty field or group gets a note, unless it is `optional`.
        """
        value, key = self.get(path), ".".join(path)
        if value is None:
            return ()
        if isinstance(value, dict) and _ASKED in value:
            return self._asked(value, key, kind)
        if isinstance(value, dict):
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
        probes = self._answered(key, kind, [p for name, items in groups for p in self._group(key, name, items, kind)])
        self._several(key, [i for _, items in groups if isinstance(items, list) for i in items])
        return probes

    def listed_probes(
        self, prompts: Path, answers: tuple[Path, ...], kind: ProbeKind, name: str = "", unique: bool = False
    ) -> tuple[Probe, ...]:
        """Probes kept in two fields, prompts in one and answers in the other (each text or a list).

        Several answer fields are accepted answers of every prompt. `unique`: a prompt that recurs is asked once.
        """
        value = self.get(prompts)
        if value is None:
            return ()
        if value in ("", [], ()):
            self.note(f"{'.'.join(prompts)} is empty")
            return ()
        if unique:
            value = list(self.prompts(prompts))
        expected = self.get(answers[0]) if len(answers) == 1 else tuple(a for path in answers for a in self.texts(path))
        pairs = self._pairs(value, expected, ".".join(prompts), common=unique or len(answers) > 1)
        return self._answered(".".join(prompts), kind, [Probe(p, accepted, kind, name) for p, accepted in pairs])

    def _asked(self, value: dict[str, Any], key: str, kind: ProbeKind) -> tuple[Probe, ...]:
        self._left.update((f"{key}.{name}", None) for name in value.keys() - {_ASKED, _ANSWERED})
        pairs = self._pairs(value[_ASKED], value.get(_ANSWERED), key)
        return self._answered(key, kind, [Probe(prompt, answers, kind, _ASKED) for prompt, answers in pairs])

    def _group(self, key: str, name: str, items: Any, kind: ProbeKind) -> Iterator[Probe]:
        label = f"{key}.{name}" if name else key
        for item in items if isinstance(items, list | tuple) else (items,):
            if isinstance(item, dict):
                if not item.keys() <= _OF_A_PROBE:
                    self._left.update((f"{key}.{scalar_text(k)}", None) for k in item.keys() - _OF_A_PROBE)
                expected = next((item[field] for field in _ANSWERS if field in item), None)
                for prompt, answers in self._pairs(item.get("prompt"), expected, label):
                    yield Probe(prompt, answers, kind, scalar_text(item.get("name")) or name)
            elif item:
                self.note(f"a probe in {label} is {kind_of(item)}, not an object, and was left out")

    def _several(self, key: str, items: list[Any]) -> None:
        """A note where probes have more than one answer (aliases of one answer do not count)."""
        many = sum(
            isinstance(item, dict)
            and isinstance(item.get("ground_truth"), list)
            and sum(isinstance(answer, list) and bool(answer) for answer in item["ground_truth"]) > 1
            for item in items
        )
        if many:
            self.note(f"{many} of {len(items)} probes in {key} have several answers; any alias of any one is accepted")

    def _pairs(self, prompt: Any, expected: Any, label: str, common: bool = False) -> list[tuple[str, tuple[str, ...]]]:
        """Each prompt with its accepted answers: lists of equal length go pairwise, otherwise one set serves all."""
        prompts = list(_leaves(prompt, _DEPTH)) or [None]
        where = (f"the answers of {label}",)
        if not common and len(prompts) > 1 and isinstance(expected, list | tuple) and len(expected) == len(prompts):
            answers = [self.flat(one, where) for one in expected]
        else:
            shared = self.flat(expected, where)
            if not common and len(prompts) > 1 and len(shared) > 1:
                self.note(f"{label} has {len(prompts)} prompts but {len(shared)} answers, which do not pair up")
                shared = ()
            answers = [shared] * len(prompts)
        pairs = [(scalar_text(one) or "", accepted) for one, accepted in zip(prompts, answers, strict=True)]
        blank = sum(not text for text, _ in pairs)
        if blank:
            self.note(f"{blank} of {len(pairs)} probes in {label} have no prompt and were left out")
        return [(text, accepted) for text, accepted in pairs if text and self._is_short(text, label)]

    def _is_short(self, prompt: str, label: str) -> bool:
        if len(prompt) <= MAX_PROMPT:
            return True
        self.note(f"{label} has a prompt of {len(prompt):,} characters, which was left out; {MAX_PROMPT:,} are allowed")
        return False

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
    elif isinstance(value, dict) and "str" in value:
        yield value["str"]  # {"str": "Rome", "id": "Q220"}, as ROME writes an answer
    else:
        yield value
