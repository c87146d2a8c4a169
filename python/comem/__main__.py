"""python -m comem PROGRAM: see comem._runner."""

import sys

from . import _runner

if __name__ == "__main__":
    _runner.main(sys.argv[1:])
