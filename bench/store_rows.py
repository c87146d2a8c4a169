"""The rows of stores by name, of children and of the import. Each takes a Plan and returns the figures of its row, see rows.py."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median

import comem

from plan import Plan
from processes import Failed, cpus, pin
from timing import alternate, elapsed, figures, measure

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


IMPORT = """
import comem, sys
if "multiprocessing.managers" in sys.modules:
    sys.exit("import comem imports multiprocessing.managers")
"""


def import_comem(plan: Plan) -> dict:
    """What a fresh interpreter that imports comem takes longer than one that does nothing, each to its end."""
    pin(cpus()[-1])
    ours, theirs = (partial(elapsed, interpret, program) for program in (IMPORT, ""))
    pairs = [alternate(turn, ours, theirs) for turn in range(plan.pairs)]
    beyond = median(comem - plain for comem, plain in pairs)
    return {"value": beyond / 1e6, "unit": "ms", "peer_ns": figures(pairs).peer_ns}


def interpret(program: str):
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if run.returncode:
        raise Failed(run.stderr)


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
