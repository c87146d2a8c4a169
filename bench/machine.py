"""What the figures were measured with: names of the machine, the interpreter and the compiler."""

import json
import os
import platform
import re
import time
from pathlib import Path
from statistics import mean

import comem

from plan import NotMeasured, Plan
from processes import Failed, cpus
from rows import c_bench


def describe(plan: Plan) -> dict:
    """As build/bench.json has it; what cannot be found out is left out."""
    found = {
        "cpu": cpu_model(),
        "cpus": len(cpus()),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "libc": " ".join(platform.libc_ver()),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "python_compiler": platform.python_compiler(),
        "comem": getattr(comem, "__version__", None),
    }
    try:
        versions = json.loads(c_bench(plan, "--version"))
        found.update(compiler=versions["compiler"], comem=versions["comem"], lmdb=versions["lmdb"])
    except (NotMeasured, Failed):
        pass
    return {key: value for key, value in found.items() if value}


def cpu_model() -> str:
    """The model that the kernel names; the architecture where it names none."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    match = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", text, re.MULTILINE)
    return match.group(1).strip() if match else platform.machine()


def others_running(samples: int = 20) -> float:
    """How many tasks besides this process wanted a CPU, on average over a fifth of a second. 0.0 on a quiet machine."""
    counts = []
    for _ in range(samples):
        time.sleep(0.01)
        running = Path("/proc/loadavg").read_text().split()[3].split("/")[0]
        counts.append(int(running) - 1)
    return mean(counts)
