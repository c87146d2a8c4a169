"""The ten lines of the README, pasted into a prompt as a person would do it, print all words."""

import ast
import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

import pytest

README = pathlib.Path(__file__).parent.parent.parent / "README.md"
LIMIT = 60  # seconds


class Prompt:
    """An interactive interpreter on a terminal of its own."""

    def __init__(self, **environment):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm", "PYTHON_HISTORY": "/dev/null", "HOME": "/nonexistent", **environment})
            os.execv(sys.executable, [sys.executable, "-q", "-i"])
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("4H", 40, 120, 0, 0))
        self.shown = ""

    def wait_for(self, pattern):
        """What matches next; what was shown up to there is forgotten."""
        end = time.monotonic() + LIMIT
        while True:
            found = re.search(pattern, self.shown)
            if found:
                self.shown = self.shown[found.end() :]
                return found
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {pattern!r} in {self.shown!r}"
            try:
                data = os.read(self.terminal, 4096)
            except OSError:  # the terminal's other end is closed
                data = b""
            assert data, f"the prompt ended: {self.shown!r}"
            self.shown += data.decode(errors="replace")
            if "\x1b[6n" in self.shown:  # where is the cursor?
                self.shown = self.shown.replace("\x1b[6n", "")
                os.write(self.terminal, b"\x1b[1;5R")

    def type(self, text):
        data = text.encode()
        while data:
            data = data[os.write(self.terminal, data[:256]) :]

    def end(self):
        os.close(self.terminal)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@pytest.fixture
def prompt():
    started = []

    def start(**environment):
        started.append(Prompt(**environment))
        return started[-1]

    yield start
    for it in started:
        it.end()


def ten_lines():
    return re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]


def assert_all_words(found):
    assert sorted(ast.literal_eval(found[1])) == ["four", "one", "three", "two"]


def test_they_are_ten_lines_or_little_more():
    assert len([line for line in ten_lines().splitlines() if line]) <= 11


def test_they_run_as_a_file(script_passes):
    assert_all_words(re.fullmatch(r"List\((.*)\)\n", script_passes(ten_lines())))


@pytest.mark.parametrize("times", [1, 2])
def test_they_run_line_by_line_in_the_plain_prompt(prompt, times):
    it = prompt(PYTHON_BASIC_REPL="1")
    for _ in range(times):
        it.wait_for(">>> ")
        it.type(ten_lines())
        assert_all_words(it.wait_for(r"List\((\[.*\])\)"))
    it.type("\nexit()\n")


@pytest.mark.skipif(sys.version_info < (3, 13), reason="up to Python 3.12 there is the plain prompt alone")
def test_they_run_pasted_into_the_prompt_that_edits_many_lines(prompt):
    it = prompt()
    it.wait_for(r"\x1b\[\?2004h")  # from here on it takes what stands between two marks as pasted
    it.type("\x1b[200~" + ten_lines() + "\x1b[201~")
    it.wait_for("print")  # the last line: all of it is there
    it.type("\r")
    assert_all_words(it.wait_for(r"List\((\[.*\])\)"))
