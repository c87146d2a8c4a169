"""The rows of stores by name and of children. Each takes a Plan and returns the figures of its row, see rows.py."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median

import comem

from plan import Plan
from processes import Failed, cpus, pin
from timing import elapsed, measure

OPENS = 100  # in a sample


def open_named(plan: Plan) -> dict:
    """Nobody else has it open, so each time it is mapped, joined, left and unmapped."""
    pin(cpus()[-1])
    name = f"comem-bench-{os.getpid()}"
    try:
        comem.open(name).close()
        return {"value": median(elapsed(open_often, name) / OPENS / 1000 for _ in range(plan.pairs)), "unit": "µs"}
    finally:
        comem.unlink(name)


def open_often(name: str):
    for _ in range(OPENS):
        comem.open(name, create=False).close()


def start_spawn(plan: Plan) -> dict:
    """On one CPU: the standard manager's process would otherwise work beside the child."""
    pin(cpus()[-1])
    ours, theirs = (partial(spawned, module) for module in ("comem", "multiprocessing"))
    return measure(ours, theirs, plan.slow_pairs)._asdict()


def spawned(module: str) -> float:
    program = [sys.executable, str(Path(__file__).with_name("spawned.py")), module]
    run = subprocess.run(program, capture_output=True, text=True)
    if run.returncode:
        raise Failed(run.stderr)
    return float(run.stdout)
