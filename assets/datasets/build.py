"""Writes bundled.json and bundled-hard.json from the hand-written tables in source/.

Deterministic: every choice is made by SHA-256, so a second run gives the same bytes. Standard library only.
Run it with `python assets/datasets/build.py`; README.md beside this file explains the tables.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "source"
N_REPHRASES = 2
PROXY_SHARE = 0.25  # share of the subjects that go to the proxy split
SPLIT_SALT = "split-119"  # chosen so that every relation has requests in both splits
DESCRIPTIONS = {
    "bundled": "True, well-known facts in 23 relations, written for Golden Layers.",
    "bundled-hard": "Harder facts: questions, subjects in mid-sentence, long names and full-sentence answers.",
}


@dataclass(frozen=True)
class Fact:
    """One true fact. `text` is the subject as it stands in a sentence ("the Nile"), `subject` the bare name."""

    relation: str
    prompt: str
    text: str
    subject: str
    target: str
    aliases: tuple[str, ...]  # accepted spellings that fit this fact only ("Swiss franc")
    also_true: tuple[str, ...]  # answers that are true too, or arguable: never chosen as the new target
    new: str  # a new target chosen by hand, or ""


@dataclass(frozen=True)
class Relation:
    """One source table."""

    name: str
    prompt: str
    rephrases: tuple[str, ...]
    near: tuple[str, ...]  # relations that the third locality probe is taken from
    kinds: tuple[frozenset[str], ...]  # a new target is of the same kind as the true one; empty: all are alike
    portability: tuple[dict[str, Any], ...]
    facts: tuple[Fact, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(fact.target for fact in self.facts))


@dataclass(frozen=True)
class Tables:
    """Everything in source/."""

    relations: dict[str, Relation]
    sets: dict[str, tuple[str, ...]]  # dataset name -> relation names, in order
    aliases: dict[str, list[str]]  # target -> further accepted spellings
    properties: dict[str, dict[str, list[str]]]  # property -> target -> accepted answers

    def spellings(self, target: str) -> list[str]:
        return [target, *self.aliases.get(target, [])]

    def answers(self, fact: Fact) -> list[str]:
        return list(dict.fromkeys([*self.spellings(fact.target), *fact.aliases]))


def has_word(text: str, words: str) -> bool:
    """Whether `words` stand in `text` as whole words, in any case."""
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text, re.IGNORECASE) is not None


def overlap(left: Iterable[str], right: Iterable[str]) -> bool:
    """Whether a spelling on one side contains, or is contained in, one on the other."""
    pairs = [(a.casefold(), b.casefold()) for a in left for b in right]
    return any(a in b or b in a for a, b in pairs)


def rank(item: str, *key: str) -> str:
    """A fixed pseudo-random sort key."""
    return hashlib.sha256("|".join([*key, item]).encode()).hexdigest()


def fill(template: str, text: str, subject: str) -> str:
    """The template with {s} = text, {S} = text with a capital first letter, {n} = bare subject."""
    filled = template.format(s=text, S=text[:1].upper() + text[1:], n=subject)
    if subject not in filled:
        raise SystemExit(f"{filled!r} does not contain its subject {subject!r}; change the template.")
    return filled


def read_relation(path: Path) -> Relation:
    """One table; in a fact, [brackets] mark the subject within its text."""
    table = json.loads(path.read_text(encoding="utf-8"))
    facts = []
    for row in table["facts"]:
        marked = re.search(r"\[(.+)\]", row[0])
        subject = marked.group(1) if marked else row[0]
        text = row[0].replace("[", "").replace("]", "")
        notes = row[2] if len(row) > 2 else {}
        facts.append(
            Fact(
                relation=table["relation"],
                prompt=fill(table["prompt"], text, subject),
                text=text,
                subject=subject,
                target=row[1],
                aliases=tuple(notes.get("aliases", ())),
                also_true=tuple(notes.get("also_true", ())),
                new=notes.get("new", ""),
            )
        )
    return Relation(
        name=table["relation"],
        prompt=table["prompt"],
        rephrases=tuple(table["rephrases"]),
        near=tuple(table["near"]),
        kinds=tuple(frozenset(kind) for kind in table.get("kinds", ())),
        portability=tuple(table["portability"]),
        facts=tuple(facts),
    )


def read_tables() -> Tables:
    """Every file of source/."""

    def load(name: str) -> Any:
        return json.loads((SOURCE / name).read_text(encoding="utf-8"))

    sets = {name: tuple(relations) for name, relations in load("order.json").items()}
    relations = {r: read_relation(SOURCE / name / f"{r}.json") for name, names in sets.items() for r in names}
    return Tables(relations, sets, load("aliases.json"), load("properties.json"))


def new_answers(tables: Tables, probe: dict[str, Any], fact: Fact, new: str) -> list[str]:
    """What the probe's answer becomes if `new` were true; empty where it cannot tell the new target from the old."""
    table = tables.properties[probe["property"]]
    answers = table.get(new, [])
    prompts = [fill(p, fact.text, fact.subject) for p in probe["prompts"]]
    leaks = any(has_word(p, a) for p in prompts for a in [*answers, new, fact.target])
    return [] if leaks or overlap(answers, table.get(fact.target, [])) else answers


def portability(tables: Tables, relation: Relation, fact: Fact, new: str) -> list[dict[str, Any]]:
    """The probes whose answer follows from the new target."""
    probes = []
    for probe in relation.portability:
        answers = new_answers(tables, probe, fact, new)
        if answers:
            template = min(probe["prompts"], key=lambda p: rank(p, fact.relation, fact.subject, "portability"))
            prompt = fill(template, fact.text, fact.subject)
            probes.append({"prompt": prompt, "answers": answers, "name": probe["name"]})
    return probes


def choose_target(tables: Tables, relation: Relation, fact: Fact) -> str:
    """A wrong answer of the same type, one with a portability probe if there is any."""
    if fact.new:
        return fact.new
    true = tables.answers(fact)
    templates = (relation.prompt, *relation.rephrases)
    prompts = [fill(t, fact.text, fact.subject) for t in templates]

    def allowed(target: str) -> bool:
        clashes = overlap(tables.spellings(target), true) or target in fact.also_true
        alike = not relation.kinds or any({target, fact.target} <= kind for kind in relation.kinds)
        return alike and not clashes and not any(has_word(p, a) for p in prompts for a in tables.spellings(target))

    candidates = [t for t in relation.targets if allowed(t)]
    portable = [t for t in candidates if portability(tables, relation, fact, t)]
    return min(portable or candidates, key=lambda t: rank(t, fact.relation, fact.subject, "target"))


def rephrase(relation: Relation, fact: Fact, avoid: Sequence[str]) -> list[str]:
    """N_REPHRASES of the relation's templates, without the answers in them."""
    filled = [fill(t, fact.text, fact.subject) for t in relation.rephrases]
    clean = [p for p in filled if not any(has_word(p, a) for a in avoid)]
    if len(clean) < N_REPHRASES:
        raise SystemExit(f"{fact.relation}, {fact.subject!r}: only {len(clean)} rephrases do not give the answer away.")
    return sorted(clean, key=lambda p: rank(p, fact.subject, "rephrase"))[:N_REPHRASES]


def locality(tables: Tables, relation: Relation, fact: Fact, new: str) -> list[dict[str, Any]]:
    """Three true facts about other subjects: two of the same relation, one of a near one.

    Where possible the first and the third share the edited fact's true target, as CounterFact's neighbourhood does.
    """

    def usable(other: Fact) -> bool:
        apart = not has_word(other.prompt, fact.subject) and not has_word(fact.text, other.subject)
        hidden = [*tables.answers(other), fact.target, new]
        tells = not overlap(tables.answers(other), [new])
        return apart and tells and not any(has_word(other.prompt, a) for a in hidden)

    def pick(facts: Iterable[Fact], same_target: bool) -> None:
        pool = [f for f in facts if usable(f) and f.prompt not in {c.prompt for c in chosen}]
        wanted = [f for f in pool if (f.target == fact.target) == same_target] or pool
        chosen.append(min(wanted, key=lambda f: rank(f.prompt, fact.prompt, "locality")))

    chosen: list[Fact] = []
    pick(relation.facts, same_target=True)
    pick(relation.facts, same_target=False)
    pick([f for name in relation.near for f in tables.relations[name].facts], same_target=True)
    return [{"prompt": f.prompt, "answers": tables.answers(f)} for f in chosen]


def split_of(subject: str) -> str:
    """ "proxy" or "test", by the subject alone."""
    position = int(rank(subject.casefold(), SPLIT_SALT)[:8], 16) / 0xFFFFFFFF
    return "proxy" if position < PROXY_SHARE else "test"


def make_request(tables: Tables, relation: Relation, fact: Fact, number: int) -> dict[str, Any]:
    """One request in the bundled format."""
    new = choose_target(tables, relation, fact)
    true = tables.answers(fact)
    if any(has_word(fact.prompt, a) for a in true):
        raise SystemExit(f"{fact.prompt!r} gives its own answer {fact.target!r} away.")
    return {
        "case_id": f"{relation.name}-{number:03d}",
        "relation": relation.name,
        "split": split_of(fact.subject),
        "prompt": fact.prompt,
        "subject": fact.subject,
        "target_true": fact.target,
        "true_aliases": true[1:],
        "target_new": new,
        "rephrases": rephrase(relation, fact, [*true, *tables.spellings(new)]),
        "locality": locality(tables, relation, fact, new),
        "portability": portability(tables, relation, fact, new),
    }


def build(tables: Tables, name: str) -> dict[str, Any]:
    """One dataset. Relations take turns, so that any first N requests are a fair mixture."""
    columns = [
        [make_request(tables, relation, fact, i) for i, fact in enumerate(relation.facts, start=1)]
        for relation in (tables.relations[r] for r in tables.sets[name])
    ]
    return {
        "format": "golden-layers",
        "version": 1,
        "name": name,
        "description": DESCRIPTIONS[name],
        "licence": "Apache-2.0",
        "requests": [request for turn in zip_longest(*columns) for request in turn if request is not None],
    }


def render() -> dict[str, str]:
    """File name -> text, for both datasets."""
    tables = read_tables()
    return {
        f"{name}.json": json.dumps(build(tables, name), ensure_ascii=False, indent=1) + "\n" for name in tables.sets
    }


def main() -> None:
    for name, text in render().items():
        (HERE / name).write_text(text, encoding="utf-8", newline="\n")
        sys.stdout.write(f"{name}: {len(json.loads(text)['requests'])} requests\n")


if __name__ == "__main__":
    main()
