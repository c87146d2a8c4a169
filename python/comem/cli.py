"""The comem command: python -m comem.cli is the same program as comem."""

from __future__ import annotations

import os
import sys

from . import _engine


def main(arguments: list[str] | None = None) -> int:
    """Run the command with these arguments, those of the program by default. Returns its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    return _engine._cli([b"comem", *map(os.fsencode, words)])


def program() -> int:
    """main() for a process of its own, which Ctrl-C ends at once."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return main()


if __name__ == "__main__":
    sys.exit(program())
