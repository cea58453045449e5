"""The first job of a process may run while another one begins, and while a page draws: nobody meets half a module."""

import subprocess
import sys

THREADS = """
import sys, tempfile, threading
from pathlib import Path
from goldenlayers_core.tasks.edit.methods import method_forms
from goldenlayers_core.tasks.wings import KINDS, open_workbench

sys.setswitchinterval(1e-5)  # so that the threads are all under way when the first import is
bench = open_workbench(Path(tempfile.mkdtemp()))
jobs = [lambda kind=kind: bench._worker(kind)(None, None) for kind in KINDS]
start, met = threading.Barrier(len(jobs) + 1), []

def begin(work):
    start.wait()
    try:
        work()
    except (ImportError, RuntimeError) as error:
        met.append(f"{type(error).__name__}: {error}")
    except Exception:
        pass  # nothing was asked

threads = [threading.Thread(target=begin, args=(work,)) for work in (*jobs, method_forms)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(met)
"""


def test_jobs_and_a_page_that_begin_at_once_all_find_whole_modules() -> None:
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
