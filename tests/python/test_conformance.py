"""CPython's own tests of lists and dicts pass on comem's, but for those that tests/conformance/cannot.py lists."""

import importlib
import os
import pathlib
import subprocess
import sys

import pytest

FOLDER = os.path.join(os.path.dirname(__file__), os.pardir, "conformance")
PROGRAM = os.path.join(FOLDER, "conformance.py")


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


def test_the_page_has_every_test_that_cannot_pass(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    page = pathlib.Path(FOLDER, "../../docs/conformance.md").read_text(encoding="utf-8")
    rows = [line for line in page.partition("## Those")[2].splitlines() if line.startswith("| `test_")]
    expected = {(one.test.rpartition(".")[2], one.reason) for one in importlib.import_module("cannot").CANNOT}
    for name, reason in expected:
        assert [row for row in rows if f"`{name}`" in row and row.endswith(f"| {reason} |")], name
    assert sum(row.count("`test_") for row in rows) == len(expected)
