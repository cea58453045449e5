"""By which rules the answers of a stored run were judged."""

from typing import Final

from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.texts import JUDGEMENT

JUDGED: Final = ("sweep", "search", "edit", "many-edits", "tour")  # kinds of run whose answers were judged
WITH_TEXTS: Final = ("edit", "many-edits")  # those that hold every probe's whole text
_FIRST: Final = "answers-1"  # the rules of runs that do not say by which


def judged_by(manifest: RunManifest) -> str:
    """The version of the rules by which a run's answers were judged; "" for a kind that has none."""
    return dict(manifest.provenance).get("judgement", _FIRST) if manifest.kind in JUDGED else ""


def earlier_rules(manifest: RunManifest) -> str:
    """A few words where a run was judged by earlier rules than today's, with what to do; "" otherwise."""
    if judged_by(manifest) in ("", JUDGEMENT):
        return ""
    return "judged by earlier rules, " + ("judge it again" if manifest.kind in WITH_TEXTS else "measure it again")
