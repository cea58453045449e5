"""A program that ends while its queues work: their threads stop first, what they did is written, nothing aborts."""

from pathlib import Path

from goldenlayers_core.runtime.job_records import CLOSED, JobFolder
from tests.runtime.helpers import PATIENCE, Program, until
from tests.tiny import save_tiny

END = """
    import sys, time
    from pathlib import Path
    from goldenlayers_core.records import ModelSource
    from goldenlayers_core.tasks import DatasetChoice, EditQuestion, open_workbench
    from goldenlayers_core.tasks.questions import SweepQuestion
    root, model = Path(sys.argv[1]), ModelSource(sys.argv[2])
    bench = open_workbench(root)
    sweep = SweepQuestion(model=model, choice=DatasetChoice("bundled", "all", 64), settings={"n_templates": 0})
    job = bench.submit(sweep, "A sweep")
    while bench.job(job).done < 2:
        time.sleep(0.01)
    print("at work", flush=True)
"""
PAGE = """
    import contextlib, sys, threading, time
    from pathlib import Path
    from goldenlayers_core.errors import ConfigError
    from goldenlayers_core.records import ModelSource
    from goldenlayers_core.results.edit.sides import Decoding
    from goldenlayers_core.tasks import open_workbench
    from goldenlayers_core.tasks.edit.sides import side_by_side
    bench, model = open_workbench(Path(sys.argv[1])), ModelSource(sys.argv[2])
    bench.model(model)
    def page():
        with contextlib.suppress(ConfigError):
            while True:
                with bench.asked:
                    side_by_side(bench, model, (), ("Paris is",) * 5, Decoding(max_new_tokens=20))
    threads = [threading.Thread(target=page, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
"""
SILENT = """
    import sys, time
    from pathlib import Path
    from goldenlayers_core.runtime import JobQueue
    def deaf(params, progress):
        Path(sys.argv[1], "deaf").touch()
        time.sleep(600)
    queue = JobQueue(Path(sys.argv[1]) / "jobs", {"deaf": deaf})
    queue.submit("deaf", "Deaf work", {})
    while not Path(sys.argv[1], "deaf").exists():
        time.sleep(0.01)
"""


def test_work_under_way_is_stopped_and_can_be_resumed(tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "tiny")
    with Program(END, tmp_path / "store", model) as program:
        out, err = program.process.communicate(timeout=PATIENCE)
    assert (program.process.returncode, out) == (0, "at work\n"), err
    assert "terminate called" not in err
    folder = JobFolder(tmp_path / "store" / "jobs" / "slow")
    (job,) = [folder.read(name) for name in folder.job_ids()]
    assert job is not None
    assert (job.view.state, job.view.error) == ("interrupted", CLOSED)  # as it stands on disk, not as it is guessed


def test_pages_that_ask_a_model_have_their_answer_when_the_program_ends(tmp_path: Path) -> None:
    with Program(PAGE, tmp_path / "store", save_tiny(tmp_path / "tiny")) as program:
        _, err = program.process.communicate(timeout=PATIENCE)
    assert program.process.returncode == 0, err


def test_work_that_does_not_listen_holds_the_end_up_for_seconds_alone(tmp_path: Path) -> None:
    with Program(SILENT, tmp_path) as program:
        until((tmp_path / "deaf").exists, "the work to begin")
        program.process.communicate(timeout=60)
