"""What tests of processes share: the ways to start one."""

import pytest

METHODS = ["fork", "spawn", "forkserver", "early forkserver"]
every_method = pytest.mark.parametrize("method", METHODS)
fresh_interpreter = pytest.mark.parametrize("method", METHODS[1:])

# An early forkserver runs before comem was imported anywhere. `context` is what the scripts start their processes with.
BEGIN = """
import multiprocessing, os, pickle, signal, sys, time
if os.environ["METHOD"] == "early forkserver" and __name__ == "__main__":
    from multiprocessing import forkserver
    forkserver.ensure_running()
context = multiprocessing.get_context(os.environ["METHOD"].split()[-1])
import comem
"""
