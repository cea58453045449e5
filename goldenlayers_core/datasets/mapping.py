"""Which column of a table means what."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

REQUIRED = ("prompt", "subject", "target_new")
"""Fields that a request cannot do without."""


@dataclass(frozen=True)
class ColumnMapping:
    """The column that holds each field of a request; None where there is none. Only the first three are needed."""

    prompt: str | None = None
    subject: str | None = None
    target_new: str | None = None
    target_true: str | None = None
    rephrase: str | None = None
    locality_prompt: str | None = None
    locality_answer: str | None = None
    portability_prompt: str | None = None
    portability_answer: str | None = None
    relation: str | None = None
    case_id: str | None = None

    @property
    def used(self) -> dict[str, str]:
        """The column of each field that has one."""
        pairs = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        return {name: column for name, column in pairs if column is not None}

    @property
    def missing(self) -> tuple[str, ...]:
        """Needed fields without a column."""
        return tuple(name for name in REQUIRED if getattr(self, name) is None)


# Spellings of each field, the surest first, as `_plain` writes them.
_SPELLINGS: tuple[tuple[str, str], ...] = (
    (
        "prompt",
        "prompt question query src rewriteprompt requestedrewriteprompt editprompt cloze statement sentence input",
    ),
    ("subject", "subject subj requestedrewritesubject subjectlabel subjectname entity concept head"),
    (
        "target_new",
        "targetnew newtarget targetnewstr requestedrewritetargetnewstr newanswer answernew targetfalse alt "
        "editedanswer edittarget newobject objectnew newvalue counterfactual labels target",
    ),
    (
        "target_true",
        "targettrue truetarget targettruestr requestedrewritetargettruestr groundtruth trueanswer answertrue targetold "
        "oldtarget oldanswer answerold originalanswer trueobject objecttrue oldvalue answers answer attribute object",
    ),
    (
        "rephrase",
        "rephrase rephrases rephraseprompt rephraseprompts rephrased rephrasedprompt paraphrase paraphrases "
        "paraphraseprompt paraphraseprompts",
    ),
    (
        "locality_prompt",
        "localityprompt localityprompts locality loc locprompt neighborhoodprompt neighborhoodprompts "
        "neighbourhoodprompt neighbourhoodprompts neighborhood neighbourhood",
    ),
    (
        "locality_answer",
        "localityanswer localityanswers localitygroundtruth locans locanswer neighborhoodanswer neighbourhoodanswer "
        "localitytarget",
    ),
    ("portability_prompt", "portabilityprompt portabilityprompts portability"),
    ("portability_answer", "portabilityanswer portabilityanswers portabilitygroundtruth portabilitytarget"),
    ("relation", "relation relationid requestedrewriterelationid rel property predicate relationlabel"),
    ("case_id", "caseid id recordid knownid uid uuid key"),
)


def guess_mapping(columns: Iterable[str]) -> ColumnMapping:
    """The mapping that the column names suggest; case and punctuation do not count, and no column serves two fields."""
    by_name: dict[str, str] = {}
    for column in columns:
        by_name.setdefault(_plain(column), column)
    found: dict[str, str] = {}
    for field, spellings in _SPELLINGS:
        known = [by_name[spelling] for spelling in spellings.split() if spelling in by_name]
        if known:
            found[field] = known[0]
    return ColumnMapping(**found)


def _plain(column: str) -> str:
    return "".join(c for c in column.casefold() if c.isalnum())
