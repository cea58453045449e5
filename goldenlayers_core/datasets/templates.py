"""A prompt with a place for its subject: "{}", or "{subject}"; any other brace is text."""

from goldenlayers_core.datasets.record import Draft
from goldenlayers_core.datasets.text import locate


def place_of(prompt: str) -> str:
    """How the prompt writes the place of its subject; "" where it has none."""
    return next((mark for mark in ("{subject}", "{}") if mark in prompt), "")


def fill(prompt: str, subject: str) -> str:
    """The prompt with its subject at every place for one."""
    mark = place_of(prompt)
    return prompt.replace(mark, subject) if mark else prompt


def subject_of(draft: Draft, given: str, prompt: str) -> tuple[str | None, int | None]:
    """(the given subject as the filled prompt spells it, the character at which a template puts it).

    (None, None) where the prompt does not hold it; no character where no template says it.
    """
    if not given:
        return None, None
    mark = place_of(draft.prompt)
    if mark:
        return given, draft.prompt.index(mark)
    if draft.template:
        mark = place_of(draft.template)
        if mark and fill(draft.template, given) == prompt:
            return given, draft.template.index(mark)
    return locate(given, prompt), None
