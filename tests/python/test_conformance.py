"""CPython's own tests of lists and dicts pass on comem's, but for those that tests/conformance/cannot.py lists."""

import os
import subprocess
import sys

import pytest

PROGRAM = os.path.join(os.path.dirname(__file__), os.pardir, "conformance", "conformance.py")


def run(*arguments):
    return subprocess.run(
        [sys.executable, PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
    )


@pytest.mark.parametrize("face", ["native", "manager"])
def test_the_interpreters_own_tests_pass(face):
    pytest.importorskip("test.list_tests", reason="this Python comes without tests of its own")
    done = run("--face", face)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(face) == 6  # a line for each suite, and no other


def test_a_run_without_tests_fails():
    pytest.importorskip("test.list_tests", reason="this Python comes without tests of its own")
    assert run("no_such_test").returncode != 0
