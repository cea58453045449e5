"""What every benchmark shares: the machine's name, peak memory, and the matrix-product peak."""

import gc
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil
import torch

Result = TypeVar("Result")


def machine() -> str:
    """Processor, cores, threads, memory, GPU, versions: one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{model}, {psutil.cpu_count()} cores, {torch.get_num_threads()} threads, {memory:.0f} GiB, {gpu}; "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


@dataclass
class Measured:
    """Seconds and bytes of one call."""

    seconds: float
    extra_bytes: int  # peak resident (or CUDA) memory above what was there before


def measure(work: Callable[[], Result]) -> tuple[Result, Measured]:
    """Run once; peak memory is sampled every 2 ms (CPU) or asked of the allocator (CUDA)."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        base = torch.cuda.memory_allocated()
        start = time.perf_counter()
        result = work()
        torch.cuda.synchronize()
        return result, Measured(time.perf_counter() - start, torch.cuda.max_memory_allocated() - base)
    process, done, peak = psutil.Process(), threading.Event(), [0]
    base = process.memory_info().rss

    def watch() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], process.memory_info().rss - base)

    thread = threading.Thread(target=watch)
    thread.start()
    start = time.perf_counter()
    try:
        result = work()
        seconds = time.perf_counter() - start
    finally:
        done.set()
        thread.join()
    return result, Measured(seconds, peak[0])


def matmul_peak(dtype: torch.dtype = torch.float32, size: int = 1536, repeats: int = 8) -> float:
    """Floating-point operations per second of a square matrix product, the best of `repeats`."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        a @ b
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best
