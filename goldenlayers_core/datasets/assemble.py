"""From drafts to a Dataset: what cannot be a request is reported, what is odd gets a remark, nothing is lost."""

import dataclasses

from goldenlayers_core.datasets.format import Format
from goldenlayers_core.datasets.record import Alias, Draft
from goldenlayers_core.datasets.table import Table
from goldenlayers_core.datasets.text import answer_key, locate, shorten
from goldenlayers_core.records import Dataset, EditRequest, Probe, RowIssue


def assemble(name: str, chosen: Format, table: Table, description: str = "") -> Dataset:
    """Every record of `table` as a request of `name`, or as a reported row with its reason."""
    drafts = chosen.drafts(table.rows)
    builder = _Builder(name, chosen.alias, expects_true=any(draft.target_true for draft in drafts))
    for number, draft in zip(table.numbers, drafts, strict=True):
        builder.add(number, draft)
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
    def __init__(self, source: str, alias: Alias, expects_true: bool) -> None:
        self._source = source
        self._alias = alias
        self._expects_true = expects_true  # other records give a true target
        self._ids: dict[str, int] = {}  # case_id -> how often it was asked for
        self._contents: dict[EditRequest, int] = {}  # request without its id -> the row it came from
        self.requests: list[EditRequest] = []
        self.reported: list[RowIssue] = []
        self.remarks: list[RowIssue] = []

    def add(self, row: int, draft: Draft) -> None:
        subject = locate(draft.subject, _filled(draft)) if draft.subject else None
        reason = self._refusal(draft, subject)
        if reason or subject is None:
            self.reported.append(RowIssue(row, _sentence(reason)))
            return
        request = self._request(draft, subject)
        remarks = [*draft.notes, *_oddities(request, draft)]
        if self._expects_true and not request.true_answers:
            remarks.append("no true target, unlike other records; the old answer must come from the model")
        same = self._contents.setdefault(request, row)
        if same != row:
            remarks.append(f"same content as record {same}; both are kept")
        wanted = draft.case_id or str(row)
        unique = self._unique(wanted)
        if unique != wanted:
            remarks.append(
                f"case_id {shorten(wanted)!r} is taken by another record, so this one is {shorten(unique)!r}"
            )
        self.requests.append(dataclasses.replace(request, case_id=unique, split=draft.split))
        self.remarks.extend(RowIssue(row, _sentence(text), "remark") for text in remarks)

    def _refusal(self, draft: Draft, subject: str | None) -> str:
        """Why this cannot be a request; "" where it can."""
        values = {"prompt": draft.prompt, "subject": draft.subject, "target_new": draft.target_new or draft.refusal}
        missing = {field: str(getattr(self._alias, field)) for field, value in values.items() if not value}
        if missing:
            fields, are = ("fields", "are") if len(missing) > 1 else ("field", "is")
            # A field of the wrong kind reads as empty; its note says so.
            why = [note for note in draft.notes if any(name in note for pair in missing.items() for name in pair)]
            detail = f" ({'; '.join(why)})" if why else ""
            return f"the {fields} {' and '.join(missing.values())} {are} missing or empty{detail}"
        if draft.refusal or subject is not None:
            return draft.refusal
        return (
            f"the subject {shorten(draft.subject)!r} does not occur in the prompt {shorten(draft.prompt)!r}, "
            "so an editor would not know where to write"
        )

    def _request(self, draft: Draft, subject: str) -> EditRequest:
        """The request without case_id and split, so that equal content compares equal."""
        target = (draft.target_new,)
        return EditRequest(
            case_id="",
            prompt=_filled(draft),
            subject=subject,
            target_new=draft.target_new,
            target_true=draft.target_true,
            rephrases=tuple(Probe(_fill(text, draft.subject), target, "rephrase") for text in draft.rephrases),
            locality=draft.locality,
            portability=draft.portability,
            relation=draft.relation,
            source=self._source,
            true_aliases=draft.true_aliases,
        )

    def _unique(self, wanted: str) -> str:
        unique = wanted
        while unique in self._ids:
            self._ids[wanted] += 1
            unique = f"{wanted}-{self._ids[wanted]}"
        self._ids[unique] = 1
        return unique


def _fill(prompt: str, subject: str) -> str:
    """A template's place for the subject, "{}" or "{subject}", filled in; any other brace is text."""
    return prompt.replace("{subject}" if "{subject}" in prompt else "{}", subject, 1)


def _filled(draft: Draft) -> str:
    return _fill(draft.prompt, draft.subject)


def _oddities(request: EditRequest, draft: Draft) -> list[str]:
    """What a person should know about a request that was read."""
    remarks = []
    if request.subject != draft.subject:
        remarks.append(
            f"the prompt spells the subject {shorten(draft.subject)!r} as {shorten(request.subject)!r}, "
            "and that spelling is used"
        )
    if answer_key(request.target_new) in map(answer_key, request.true_answers):
        remarks.append(f"no-op edit: the new target {shorten(request.target_new)!r} is already a true answer")
    lacking = [n for n, probe in enumerate(request.rephrases, 1) if locate(request.subject, probe.prompt) is None]
    if lacking:
        which = f"rephrase {lacking[0]}" if len(lacking) == 1 else f"rephrases {', '.join(map(str, lacking))}"
        remarks.append(f"{which} without the subject {shorten(request.subject)!r}")
    for kind, probes in (("locality", request.locality), ("portability", request.portability)):
        repeated = len(probes) - len({probe.prompt for probe in probes})
        if repeated:
            remarks.append(f"{repeated} of {len(probes)} probes in {kind} repeat a prompt; each counts by itself")
    return remarks


def _sentence(text: str) -> str:
    first = text.split(" ", 1)[0]
    is_field = "_" in first or "." in first  # a field keeps its spelling
    return (text if is_field else text[:1].upper() + text[1:]).rstrip(".") + "."
