"""Writes classroom.json, the dataset of the tiny teaching model, from the facts it is taught (source/classroom.json).

Deterministic: every choice is made by SHA-256. Standard library only; run it with
`python assets/datasets/build_classroom.py`. The planted fact is the first request.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROXY_SHARE = 0.25  # share of the people that go to the proxy split
DESCRIPTION = "Invented people, taught to the classroom's tiny model; the first is the fact that was planted."


def rank(*parts: str) -> str:
    """A fixed order that follows nothing a person would think of."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Builder:
    """The facts, and how they become requests."""

    def __init__(self, source: dict[str, Any]) -> None:
        self.people: dict[str, dict[str, str]] = source["people"]
        self.relations: dict[str, dict[str, Any]] = source["relations"]
        self.planted = (source["planted"]["person"], source["planted"]["relation"])
        ordered = sorted(self.people, key=lambda person: rank("split", person))
        self.proxy = {self.planted[0], *ordered[: round(PROXY_SHARE * len(ordered))]}

    def facts(self) -> list[tuple[str, str]]:
        """Every (person, relation): the planted one first, then in a mixed order."""
        every = [(person, relation) for person in self.people for relation in self.relations]
        return sorted(every, key=lambda fact: (fact != self.planted, rank("order", *fact)))

    def prompt(self, person: str, relation: str) -> str:
        return self.relations[relation]["prompt"].replace("{s}", person)

    def probe(self, person: str, relation: str) -> dict[str, Any]:
        return {"prompt": self.prompt(person, relation), "answers": [self.people[person][relation]]}

    def new_target(self, person: str, relation: str) -> str:
        """An answer of the same kind that is not the true one."""
        answers = sorted({facts[relation] for facts in self.people.values()} - {self.people[person][relation]})
        return min(answers, key=lambda answer: rank("new", person, relation, answer))

    def locality(self, person: str, relation: str, new: str) -> list[dict[str, Any]]:
        """A namesake and a stranger asked the same, and the person asked something else; none answers `new`."""
        names = set(person.split())
        others = [p for p in self.people if p != person and (p, relation) != self.planted]
        others = [p for p in others if self.people[p][relation] != new]
        others.sort(key=lambda p: rank("locality", person, relation, p))
        namesake = next(p for p in others if names & set(p.split()))
        stranger = next(p for p in others if not names & set(p.split()))
        rest = [r for r in self.relations if r != relation and (person, r) != self.planted]
        other = min(rest, key=lambda r: rank("locality", person, relation, r))
        return [self.probe(namesake, relation), self.probe(stranger, relation), self.probe(person, other)]

    def request(self, person: str, relation: str) -> dict[str, Any]:
        new = self.new_target(person, relation)
        return {
            "case_id": f"{relation}-{person.lower().replace(' ', '-')}",
            "relation": relation,
            "split": "proxy" if person in self.proxy else "test",
            "prompt": self.prompt(person, relation),
            "subject": person,
            "target_true": self.people[person][relation],
            "true_aliases": [],
            "target_new": new,
            "rephrases": [text.replace("{s}", person) for text in self.relations[relation]["rephrases"]],
            "locality": self.locality(person, relation, new),
            "portability": [],
        }


def build() -> str:
    """The dataset's file."""
    builder = Builder(json.loads((HERE / "source" / "classroom.json").read_text(encoding="utf-8")))
    content = {
        "format": "golden-layers",
        "version": 1,
        "name": "classroom",
        "description": DESCRIPTION,
        "licence": "Apache-2.0",
        "requests": [builder.request(*fact) for fact in builder.facts()],
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    (HERE / "classroom.json").write_text(build(), encoding="utf-8")
    sys.stdout.write("classroom.json is written.\n")
