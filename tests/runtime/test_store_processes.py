"""The store under several processes at once, and under SIGKILL."""

from pathlib import Path

from goldenlayers_core.runtime import Store
from tests.runtime.helpers import Program, manifest, rows, until

APPEND = """
    import sys
    import pandas as pd
    from pathlib import Path
    from goldenlayers_core.runtime import Store
    store, name = Store(Path(sys.argv[1])), sys.argv[2]
    for step in range(int(sys.argv[3])):
        store.append_rows("scores", "k", pd.DataFrame({"request": [f"{name}-{step}"], "value": [float(step)]}))
"""

SAVE = """
    import sys
    import pandas as pd
    from pathlib import Path
    from goldenlayers_core.runtime import Store
    from tests.runtime.helpers import manifest
    store, name = Store(Path(sys.argv[1])), sys.argv[2]
    for step in range(25):
        mark = f"{name}-{step}"
        frame = pd.DataFrame({"mark": [mark] * 50})
        store.save_run(manifest("shared", title=mark), {"a": frame, "b": frame}, {"t": mark})
"""

ADD = """
    import sys
    from pathlib import Path
    from goldenlayers_core.runtime import Store
    store, name = Store(Path(sys.argv[1])), sys.argv[2]
    for step in range(40):
        store.change_json("cards", "one", lambda before: [*(before or []), f"{name}-{step}"])
"""

WRITE_FOREVER = """
    import sys
    import numpy as np, pandas as pd
    from pathlib import Path
    from goldenlayers_core.runtime import Store
    from tests.runtime.helpers import manifest
    store, step = Store(Path(sys.argv[1])), 0
    frame = pd.DataFrame({"x": np.arange(5000.0)})
    while True:
        step += 1
        store.append_rows("scores", "k", frame.assign(request=str(step), layer=range(5000)))
        store.save_run(manifest("r", title=str(step)), {"f": frame.assign(step=step)}, {"t": str(step)})
        store.save_json("edit", "e", {"step": step, "filler": ["x"] * 20000})
        store.save_arrays("edit", "e", {"x": np.full(50_000, float(step))}, {"step": str(step)})
"""


def test_two_processes_append_to_one_table_while_it_is_merged_and_read(tmp_path: Path) -> None:
    """Every row a reader has seen once is there ever after: no merge ever hides or loses rows."""
    store = Store(tmp_path)
    seen: set[str] = set()
    with Program(APPEND, tmp_path, "a", 100) as one, Program(APPEND, tmp_path, "b", 100) as two:
        while one.process.poll() is None or two.process.poll() is None:
            frame = store.read_rows("scores", "k")
            now = set(frame["request"]) if len(frame) else set()
            assert len(now) == len(frame)
            assert seen <= now
            seen = now
        one.output()
        two.output()
    frame = store.read_rows("scores", "k")
    assert set(frame["request"]) == {f"{name}-{step}" for name in "ab" for step in range(100)}
    assert len(frame) == 200
    assert store.problems() == ()


def test_of_what_two_processes_add_to_one_object_nothing_is_lost(tmp_path: Path) -> None:
    with Program(ADD, tmp_path, "a") as one, Program(ADD, tmp_path, "b") as two:
        one.output()
        two.output()
    found = Store(tmp_path).load_json("cards", "one")
    assert len(found) == 80
    assert [step for step in found if step[0] == "a"] == [f"a-{step}" for step in range(40)]


def test_two_processes_save_one_run_and_it_is_never_a_mixture(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save_run(manifest("shared", title="first"), {"a": rows("x").assign(mark="first")}, {"t": "first"})
    with Program(SAVE, tmp_path, "a") as one, Program(SAVE, tmp_path, "b") as two:
        while one.process.poll() is None or two.process.poll() is None:
            run = store.load_run("shared")
            marks = {run.manifest.title, run.texts["t"], *(m for f in run.frames.values() for m in f["mark"])}
            assert len(marks) == 1
        one.output()
        two.output()
    assert store.load_run("shared").manifest.title in ("a-24", "b-24")
    assert store.usage()[0].n_files == 4


def test_a_process_killed_while_writing_leaves_a_readable_store(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for _ in range(3):
        before = len(store.read_rows("scores", "k"))
        with Program(WRITE_FOREVER, tmp_path) as program:
            until(lambda n=before: len(store.read_rows("scores", "k")) > n or program.process.poll(), "a first row")
            until(lambda: store.names("edit") or program.process.poll(), "an object")
            assert program.process.poll() is None, program.output()
            program.kill()
        frame = store.read_rows("scores", "k")
        assert (frame.groupby("request").size() == 5000).all()
        run = store.load_run("r")
        assert {run.manifest.title, run.texts["t"]} == {str(step) for step in run.frames["f"]["step"].unique()}
        assert len(store.load_json("edit", "e")["filler"]) == 20000
        if "e" in store.names("edit") and (tmp_path / "objects/edit/e.safetensors").exists():
            arrays, meta = store.load_arrays("edit", "e")
            assert (arrays["x"] == float(meta["step"])).all()
        assert store.problems() == ()
    store.save_run(manifest("after"), {}, {})
    assert len(store.runs()) == 2
    store.clear(None)
    assert store.runs() == ()
