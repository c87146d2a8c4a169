"""Ends a test run in which one test hangs where no signal handler of Python's runs, and says which: the last line.

Run as a program beside the tests: each line of its input names the test that begins, an empty one says that it is over.
"""

import os
import select
import signal
import subprocess
import sys
import time


class Watchdog:
    """Watches this process: a test between begin() and end() may take `seconds`, which is said on `terminal`."""

    def __init__(self, seconds, terminal):
        command = [sys.executable, os.path.abspath(__file__), str(seconds), str(os.getpid())]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=terminal)

    def begin(self, test):
        os.write(self._process.stdin.fileno(), test.encode() + b"\n")

    def end(self):
        self.begin("")

    def stop(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()


def watch(seconds, watched):
    test = b""
    while True:
        if test and not select.select([0], [], [], seconds)[0]:
            os.kill(watched, signal.SIGUSR1)  # faulthandler shows where it is
            time.sleep(1)
            print(f"\n{test.decode()} hangs: the run is ended", file=sys.stderr, flush=True)
            os.kill(watched, signal.SIGKILL)
            return
        text = os.read(0, 65536)
        if not text:
            return
        test = text.rstrip(b"\n").rpartition(b"\n")[2] if not text.endswith(b"\n\n") and text != b"\n" else b""


if __name__ == "__main__":
    watch(float(sys.argv[1]), int(sys.argv[2]))
