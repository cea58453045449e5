"""From drafts to a Dataset: what cannot be a request is reported, what is odd gets a remark, nothing is lost."""

from collections.abc import Mapping, Sequence

from goldenlayers_core.datasets.conflicts import Conflicts
from goldenlayers_core.datasets.format import Format
from goldenlayers_core.datasets.proposals import propose
from goldenlayers_core.datasets.record import Alias, Draft
from goldenlayers_core.datasets.table import Table, columns_in_words
from goldenlayers_core.datasets.templates import fill, place_of, subject_of
from goldenlayers_core.datasets.text import locate, shorten, written_key
from goldenlayers_core.records import MAX_PROMPT, Dataset, EditRequest, Probe, RowIssue

_SPLITS = ("proxy", "test", "")


def assemble(
    name: str, chosen: Format, table: Table, description: str = "", subjects: Mapping[int, str] | None = None
) -> Dataset:
    """Every record of `table` as a request of `name`, or as a reported row with its reason.

    Where no record names a subject, those of `subjects` (row -> subject, confirmed by a person) are taken; the other
    requests are read without one, and a subject is proposed in a remark.
    """
    drafts = chosen.drafts(table.rows)
    builder = _Builder(name, chosen.alias, drafts, subjects)
    splits = table.splits or ("",) * len(drafts)
    for number, draft, split in zip(table.numbers, drafts, splits, strict=True):
        builder.add(number, draft, split, table.notes.get(number, ""))
    builder.finish(table.numbers, drafts)
    reported = sorted((*table.problems, *builder.reported), key=lambda issue: issue.row)
    return Dataset(
        name=name,
        format=chosen.name,
        requests=tuple(builder.requests),
        reported=tuple(reported),
        n_records=len(table.rows) + len(table.problems),
        remarks=tuple(builder.remarks),
        encoding=table.encoding,
        description=description or chosen.description,
    )


class _Builder:
    def __init__(self, source: str, alias: Alias, drafts: Sequence[Draft], subjects: Mapping[int, str] | None) -> None:
        self._source = source
        self._alias = alias
        self._expects_true = any(draft.target_true for draft in drafts)  # other records give a true target
        self._subjectless = not any(draft.has_subject for draft in drafts)  # none names a subject
        self._subjects = subjects or {}
        self._ids: dict[str, int] = {}  # case_id -> how often it was asked for
        self._conflicts = Conflicts()
        self.requests: list[EditRequest] = []
        self.reported: list[RowIssue] = []
        self.remarks: list[RowIssue] = []

    def add(self, row: int, draft: Draft, split: str, note: str) -> None:
        given = draft.subject or (self._subjects.get(row, "") if self._subjectless else "")
        mark = place_of(draft.prompt)
        prompt = draft.prompt.replace(mark, given) if mark else draft.prompt
        subject, at = subject_of(draft, given, prompt)
        reason = self._refusal(draft, given, subject, prompt, mark)
        if reason:
            self.reported.append(RowIssue(row, _sentence(reason)))
            return
        remarks = [note] if note else []
        wanted = draft.case_id or str(row)
        unique = self._unique(wanted)
        if draft.split not in _SPLITS:
            remarks.append(f"split is {draft.split!r}; only proxy and test are known, so it was left out")
        split = draft.split if draft.split and draft.split in _SPLITS else split
        request = self._request(draft, unique, prompt, subject or "", at, split)
        remarks += draft.notes
        remarks += _oddities(request, given)
        if not subject:
            remarks.append(_without_subject(draft))
        if self._expects_true and not request.target_true:
            remarks.append("no true target, unlike other records; the old answer must come from the model")
        remarks += self._conflicts.remarks(row, request)
        if unique != wanted:
            remarks.append(
                f"case_id {shorten(wanted)!r} is taken by another record, so this one is {shorten(unique)!r}"
            )
        self.requests.append(request)
        self.remarks.extend(RowIssue(row, _sentence(text), "remark") for text in remarks)

    def finish(self, numbers: tuple[int, ...], drafts: Sequence[Draft]) -> None:
        """What can only be said once every record was seen; remarks stand by row."""
        said = self._conflicts.afterwards()
        left: dict[str, int] = {}
        first = 0
        for number, draft in zip(numbers, drafts, strict=True):
            if draft.left:
                first = first or number
                for field in draft.left:
                    left[field] = left.get(field, 0) + 1
        refused = {issue.row for issue in self.reported}
        if left:
            fields = columns_in_words(f"{field} ({n:,})" if n > 1 else field for field, n in left.items())
            row = first if first not in refused else next((n for n in numbers if n not in refused), 0)
            said += [(row, f"these fields of the file are not read (in so many records): {fields}")] if row else []
        if said:
            self.remarks += [RowIssue(row, _sentence(text), "remark") for row, text in said]
            self.remarks.sort(key=lambda issue: issue.row)

    def _refusal(self, draft: Draft, given: str, subject: str | None, prompt: str, mark: str) -> str:
        """Why this cannot be a request; "" where it can."""
        needs_subject = bool(mark) or not self._subjectless
        if not (draft.prompt and (given or not needs_subject) and (draft.target_new or draft.refusal)):
            values = {"prompt": draft.prompt, "subject": given or not needs_subject, "target_new": draft.target_new}
            missing = {field: str(getattr(self._alias, field)) for field, value in values.items() if not value}
            if draft.refusal:
                missing.pop("target_new", None)
            fields, are = ("fields", "are") if len(missing) > 1 else ("field", "is")
            # A field of the wrong kind reads as empty; its note says so.
            why = [note for note in draft.notes if any(name in note for pair in missing.items() for name in pair)]
            detail = f" ({'; '.join(why)})" if why else ""
            return f"the {fields} {' and '.join(missing.values())} {are} missing or empty{detail}"
        if draft.refusal:
            return draft.refusal
        if mark and draft.prompt.count(mark) > 1:
            return (
                f"the prompt {shorten(draft.prompt)!r} has {draft.prompt.count(mark)} places {mark!r} for the subject; "
                "keep one, and write the others out"
            )
        if len(prompt) > MAX_PROMPT:
            return f"the prompt has {len(prompt):,} characters; at most {MAX_PROMPT:,} are read"
        if given and subject is None:
            return (
                f"the subject {shorten(given)!r} does not occur in the prompt {shorten(draft.prompt)!r}, "
                "so an editor would not know where to write"
            )
        return ""

    def _request(
        self, draft: Draft, case_id: str, prompt: str, subject: str, at: int | None, split: str
    ) -> EditRequest:
        targets = (draft.target_new, *draft.new_aliases)
        given = draft.subject or subject
        return EditRequest(
            case_id=case_id,
            prompt=prompt,
            subject=subject,
            target_new=draft.target_new,
            target_true=draft.target_true,
            rephrases=tuple(Probe(fill(text, given), targets, "rephrase") for text in draft.rephrases),
            locality=draft.locality,
            portability=draft.portability,
            relation=draft.relation,
            source=self._source,
            true_aliases=draft.true_aliases,
            split=split,
            subject_at=at,
            new_aliases=draft.new_aliases,
        )

    def _unique(self, wanted: str) -> str:
        unique = wanted
        while unique in self._ids:
            self._ids[wanted] += 1
            unique = f"{wanted}-{self._ids[wanted]}"
        self._ids[unique] = 1
        return unique


def _without_subject(draft: Draft) -> str:
    proposed = propose(draft.prompt, draft.rephrases)
    proposal = f"{shorten(proposed)!r} is proposed" if proposed else "none could be proposed"
    return (
        "no subject is given: what needs none can be done with it (LGA, fine-tuning, in-context editing); "
        f"{proposal}, to be confirmed on the page Dataset or written into a column subject"
    )


def _oddities(request: EditRequest, given: str) -> list[str]:
    """What a person should know about a request that was read."""
    remarks = []
    if request.subject != given:
        remarks.append(
            f"the prompt spells the subject {shorten(given)!r} as {shorten(request.subject)!r}, "
            "and that spelling is used"
        )
    new = written_key(request.target_new) if request.target_true else ""
    if new and (new == written_key(request.target_true) or new in map(written_key, request.true_aliases)):
        remarks.append(f"no-op edit: the new target {shorten(request.target_new)!r} is already a true answer")
    if request.rephrases and request.subject:
        lacking = [n for n, probe in enumerate(request.rephrases, 1) if locate(request.subject, probe.prompt) is None]
        if lacking:
            which = f"rephrase {lacking[0]}" if len(lacking) == 1 else f"rephrases {', '.join(map(str, lacking))}"
            remarks.append(f"{which} without the subject {shorten(request.subject)!r}")
    for kind, probes in (("locality", request.locality), ("portability", request.portability)):
        if len(probes) > 1 and (repeated := len(probes) - len({probe.prompt for probe in probes})):
            remarks.append(f"{repeated} of {len(probes)} probes in {kind} repeat a prompt; each counts by itself")
    return remarks


def _sentence(text: str) -> str:
    first = text.split(" ", 1)[0]
    is_field = "_" in first or "." in first  # a field keeps its spelling
    return (text if is_field else text[:1].upper() + text[1:]).rstrip(".") + "."
