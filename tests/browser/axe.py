"""axe-core in a page: what it finds against WCAG 2.2 AA, less what is not ours to mend."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

LEVELS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
GRAVE: Final = ("serious", "critical")


@dataclass(frozen=True)
class NotOurs:
    """A finding in what Streamlit or plotly draws by itself."""

    rule: str
    part: str  # of the selector, or of the element's HTML
    why: str


# The one list of exceptions; docs/accessibility.md says the same in prose.
NOT_OURS: Final[tuple[NotOurs, ...]] = ()


def findings(page: Page, where: str, rules: tuple[str, ...] = ()) -> list[str]:
    """Serious and critical findings on the page that are ours, one line each; of `rules` only, where some are named."""
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(AXE_SCRIPT)
    only = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": list(LEVELS)}
    answer = page.evaluate(
        "only => axe.run(document, {runOnly: only, resultTypes: ['violations'], elementRef: false})", only
    )
    return [f"{where}: {line}" for line in _grave(answer)]


def _grave(answer: dict[str, Any]) -> Iterator[str]:
    for found in answer["violations"]:
        for node in found["nodes"]:
            target = " ".join(str(step) for step in node["target"])
            known = any(n.rule == found["id"] and n.part in target + node["html"] for n in NOT_OURS)
            if found["impact"] in GRAVE and not known:
                why = "; ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])
                yield f"{found['id']} ({found['impact']}) at {target[-160:]}: {node['html'][:160]} {why[:200]}"
