"""The least store that something fits into. Everything in it counts: header, tables, and what growing takes."""

import os
import subprocess
import sys

from processes import Failed

NO_ROOM = 3  # the exit code of a program for which the store was too small


def run(program: str, size_limit: int, *arguments) -> subprocess.CompletedProcess:
    """Runs `program`, which ends with NO_ROOM or not, with a store of its own of at most `size_limit` bytes."""
    environment = {**os.environ, "COMEM_SIZE_LIMIT": str(size_limit)}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    if ended.returncode not in (0, NO_ROOM):
        raise Failed(ended.stderr)
    return ended


def bytes_each(program: str, count: int, too_small: float, fits: float) -> float:
    """The least store with which `program` can make `count` of something, divided by as many; found by halving."""
    exact = fits / 1000
    while fits - too_small > exact:
        middle = (fits + too_small) / 2
        if run(program, int(count * middle), count).returncode == 0:
            fits = middle
        else:
            too_small = middle
    return fits
