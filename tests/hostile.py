"""A store in which every field that a stranger can write is hostile: markup, links, pictures, formulas, scripts."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from goldenlayers_core.attribution.selection import select
from goldenlayers_core.records import TraceConfig
from goldenlayers_core.results import EditReport, ProbeOutcome, View
from goldenlayers_core.results.edit.many_edits import ManyEdits
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, ScoreQuestion
from goldenlayers_core.tasks.edit.stored import save_report
from goldenlayers_core.tasks.edit.stored_many import save_many
from goldenlayers_core.tasks.questions import ManyEditsQuestion, SearchQuestion, SweepQuestion, TraceQuestion
from goldenlayers_core.tasks.scores.stored import save_scores
from goldenlayers_core.tasks.scores.stored_trace import save_trace
from goldenlayers_core.tasks.truth.stored_search import save_search
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from tests.browser.stocked import WHERE, made_scores, made_trace
from tests.made_up import made_report, made_search, made_sweep, view

HOST: Final = "evil.test"
TEXT: Final = (
    f"A stranger ![evilpicture](http://{HOST}/p.png) [evillink](http://{HOST}/l) http://{HOST}/auto evil@{HOST} "
    f"**evilbold** _evilitalic_ `evilcode` :red[evilred] :material/coronavirus: $evilformula^2$ "
    f"<img src=http://{HOST}/i.png onerror=window.evil=1><b>evilb</b><script>window.evil=1</script>"
    f'<a href="javascript:window.evil=1">evila</a> # evilheading'
)
LINES: Final = f"# evilheading\n\n- evilitem\n\n> evilquote\n\n| evil | cell |\n|---|---|\n| {TEXT} | 2 |"
# What a page or a report must not hold, as one JavaScript expression: the tag and the text of everything drawn.
DRAWN: Final = """() => {
    const said = node => (node.textContent || '').trim();
    const bad = [];
    for (const node of document.querySelectorAll('*')) {
        for (const name of ['href', 'src', 'srcset', 'action', 'style', 'xlink:href', 'formaction']) {
            const value = node.getAttribute(name);
            if (value && /evil/i.test(value) && value[0] !== '#') bad.push(`${node.tagName} ${name}=${value}`);
        }
        if (/^(STRONG|B|EM|I|CODE|DEL|H1|H2|H3|H4|H5|H6|LI|BLOCKQUOTE|TD|A|IMG|MARK)$/.test(node.tagName)
            && /^evil[a-z]+$/.test(said(node))) bad.push(`${node.tagName}: ${said(node)}`);
        if (/katex/.test(node.className || '') && /evil/.test(said(node))) bad.push('formula');
        if (node.tagName === 'SPAN' && said(node) === 'evilred') bad.push('colour');
        if (node.tagName === 'SPAN' && said(node) === 'coronavirus') bad.push('icon');
    }
    if (window.evil) bad.push('script');
    return [...new Set(bad)];
}"""


def _view(answer: str) -> View:
    return view(answer, 0.4, 0.5, ((TEXT[:40], 0.5), ("other", 0.1)))


def report(**changed: object) -> EditReport:
    """An edit all of whose words are hostile."""
    kinds = ("rewrite", "rephrase", "locality", "portability")
    outcomes = tuple(ProbeOutcome(TEXT, kind, TEXT, (TEXT,), _view(TEXT), _view(LINES), True, 0.5) for kind in kinds)
    words = ("case_id", "prompt", "target_new", "target_true", "verdict", "layer_evidence")
    made = made_report(outcomes, _view(TEXT), _view(LINES), **dict.fromkeys(words, TEXT), subject="stranger", layer=1)
    return replace(made, provenance={**WHERE, TEXT[:40]: TEXT}, **changed)  # type: ignore[arg-type]


def stock(root: Path, fingerprint: str = "f" * 32, n_layers: int = 30) -> Mapping[str, str]:
    """Fill the store at `root`; the run of each kind, by kind. `fingerprint`, `n_layers`: of the model they are of."""
    store, choice = Store(root), DatasetChoice("bundled", "proxy", 12, title=TEXT)
    scores = replace(made_scores(6, n_layers), model=TEXT, dataset=TEXT, fingerprint=fingerprint)
    many = (TEXT,) * 6
    named = {"case_ids": tuple(f"{q} {TEXT}" for q in range(6)), "prompts": many, "relations": many}
    scores = replace(scores, **named, targets_old=many, targets_new=many, skipped=((TEXT, TEXT),))
    sweep = replace(
        made_sweep(6, tuple(range(n_layers)), n_layers, n_layers // 2),
        model=TEXT,
        dataset=TEXT,
        fingerprint=fingerprint,
        **named,
    )
    answers = tuple(((TEXT, LINES) * n_layers)[:n_layers] for _ in range(6))
    sweep = replace(sweep, subjects=many, targets_new=many, targets_true=many, answers=answers, answers_before=many)
    trace = replace(
        made_trace(6, n_layers), model=TEXT, dataset=TEXT, fingerprint=fingerprint, answers=many, prompts=many
    )
    search = replace(made_search(fingerprint), model=TEXT, dataset=TEXT)
    edits = ManyEdits(
        mode="alone",
        method="rome",
        layer=1,
        layers=(1,),
        model=TEXT,
        fingerprint=fingerprint,
        dataset=TEXT,
        config="{}",
        reports=(report(fingerprint=fingerprint),),
        request_digests=("one",),
        n_computed=1,
        skipped=((TEXT, TEXT),),
        provenance=WHERE,
    )
    edit = EditQuestion(request={"source": TEXT, "prompt": TEXT})
    runs = {
        "trace": save_trace(store, TraceQuestion(choice=choice), TraceConfig(noise=0.1), trace),
        "search": save_search(store, SearchQuestion(choice=choice), search),
        "many-edits": save_many(store, ManyEditsQuestion(choice=choice), edits),
        "edit": save_report(store, edit, report(fingerprint=fingerprint), TEXT),
        "sweep": save_sweep(store, SweepQuestion(choice=choice), sweep),
        "score": save_scores(store, ScoreQuestion(choice=choice), scores, select(scores.values)),
    }
    for run_id in runs.values():
        store.rename_run(run_id, TEXT[:200])
        store.annotate_run(run_id, LINES)
    return runs


def table() -> bytes:
    """An upload: a CSV whose column names and cells are hostile."""
    cells = (f'"{TEXT.replace(chr(34), chr(34) * 2)}"',) * 2
    head = f'prompt,subject,target_new,target_true,"{cells[0][1:-1]}"'
    row = ",".join((cells[0], "stranger", *cells, cells[1]))
    return f"{head}\n{row}\n{row}\n".encode()
