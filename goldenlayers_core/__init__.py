"""Golden Layers: which layer of a language model to edit, and what an edit there does.

The map (imports flow downwards only; `tests/test_house.py` holds it):

    errors        the exception tree; every message is one sentence for a person
    records       questions: EditRequest, Probe, Dataset, configs (frozen, hashable, no torch)
    results       answers: LayerScores, Selection, EditReport (frozen, numpy and pandas, no torch)
    datasets      published formats and tables -> EditRequest; the catalogue; validation
    models        architectures (a table), loading, ModelHandle, tokens, hooks
    attribution   Layer Gradient Analysis, causal tracing, and the choice of the golden layer
    editing       edits as values: overlays, ROME, the method registry
    evaluation    what an edit changed, probe by probe
    runtime       the store on disk, background jobs, run manifests
    figures       result -> plotly figure (never torch)
    tasks         what a person asks for, end to end: the one place where all of the above meet
    commands      commands of the command line that `__main__` registers

Nothing here imports streamlit, and importing this package imports nothing heavy.
"""

__version__ = "0.1.0"
