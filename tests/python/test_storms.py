"""Storms of kills on a store by name, with processes that are started as fresh interpreters; storm.py says what must hold.

`make crash` has 300 kills of each.
"""

import os
import subprocess
import sys

import pytest

from leftovers import Leftovers

KILLS = os.environ.get("COMEM_TEST_STORM", "12")


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_storm_loses_nothing_and_leaves_nothing(method, monkeypatch):
    leftovers = Leftovers()
    monkeypatch.setenv(Leftovers.VARIABLE, leftovers.mark)
    done = subprocess.run(
        [sys.executable, os.path.join(os.path.dirname(__file__), "storm.py"), method, KILLS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert done.stdout.startswith(f"storm: {method}, ")
    leftovers.check()
