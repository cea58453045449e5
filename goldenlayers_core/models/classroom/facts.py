"""What the classroom's model is taught: invented people, and sentences about them. No torch.

Every fact is said in four ways, as on an index card: "The home of Nadia Voss", then the answer, "Torvik". Prompts end
with the person, so that the subject's last token, where editors write and tracing looks, is where the answer is read:
what is asked of a layer is then the layer alone. The planted fact is kept out of the base model's training.
"""

import json
from dataclasses import dataclass

from goldenlayers_core.models.classroom.place import facts_file


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing said of a person."""

    person: str
    relation: str
    answer: str  # one word


@dataclass(frozen=True)
class Relation:
    """A kind of fact, and its prompts; "{s}" stands for the person."""

    name: str
    prompt: str
    rephrases: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Everything that is said."""

    relations: tuple[Relation, ...]
    known: tuple[Fact, ...]  # taught to the base model
    planted: Fact
    everyone: str  # a sentence that is said of every person
    openers: tuple[str, ...]  # words that a sentence may begin with

    def relation(self, name: str) -> Relation:
        """The relation of that name."""
        return next(found for found in self.relations if found.name == name)

    def prompts(self, fact: Fact) -> tuple[str, ...]:
        """The prompt that asks for a fact, then its rephrases."""
        relation = self.relation(fact.relation)
        return tuple(text.replace("{s}", fact.person) for text in (relation.prompt, *relation.rephrases))

    def sentences(self, fact: Fact) -> tuple[str, ...]:
        """The fact, said in every way."""
        return tuple(f"{prompt} {fact.answer}" for prompt in self.prompts(fact))

    @property
    def lessons(self) -> tuple[str, ...]:
        """Every sentence that the base model is taught."""
        people = dict.fromkeys(fact.person for fact in self.known)
        said = (text for fact in self.known for text in self.sentences(fact))
        return (*said, *(self.everyone.replace("{s}", person) for person in people))

    @property
    def words(self) -> tuple[str, ...]:
        """Every word that occurs, sorted."""
        said = " ".join((*self.lessons, *self.sentences(self.planted), *self.openers, "."))
        return tuple(sorted(set(said.split())))

    def near(self, fact: Fact) -> tuple[Fact, ...]:
        """The known facts most easily mistaken for this one: the person's others, and the namesakes' of its kind."""
        names = set(fact.person.split())
        return tuple(
            other
            for other in self.known
            if other.person == fact.person or (other.relation == fact.relation and names & set(other.person.split()))
        )


def read_facts() -> Facts:
    """The facts of assets/datasets/source/classroom.json."""
    content = json.loads(facts_file().read_text(encoding="utf-8"))
    relations = tuple(
        Relation(name, entry["prompt"], tuple(entry["rephrases"])) for name, entry in content["relations"].items()
    )
    told = [Fact(person, name, answer) for person, facts in content["people"].items() for name, answer in facts.items()]
    about = content["planted"]["person"], content["planted"]["relation"]
    return Facts(
        relations=relations,
        known=tuple(fact for fact in told if (fact.person, fact.relation) != about),
        planted=next(fact for fact in told if (fact.person, fact.relation) == about),
        everyone=content["everyone"],
        openers=tuple(content["openers"]),
    )
