"""CPython's own tests of lists and dicts, those of the interpreter that runs this, on comem's: in both faces.

    python tests/conformance/conformance.py [--face FACE] [TEXT...]

The suites come unmodified from the interpreter's package `test` and are given comem.List or comem.Dict, or a manager's
list() or dict(). cannot.py lists each test that cannot pass. The run fails when another one fails, and when one of
these passes. Each test runs in a process of its own, which is killed when it takes too long. With TEXT only the tests
with such a name run, and what failed is shown with its traceback.
"""

import argparse
import collections
import faulthandler
import importlib
import json
import os
import select
import signal
import sys
import time
import traceback
import unittest

import cannot
import comem

LIMIT = 60  # seconds that a test may take; those here take milliseconds
FACES = ["native", "manager"]
SUITES = {
    "list_tests.CommonTest": "list",
    "seq_tests.CommonTest": "list",
    "test_list.ListTest": "list",
    "mapping_tests.BasicTestMappingProtocol": "dict",
    "mapping_tests.TestMappingProtocol": "dict",
    "mapping_tests.TestHashMappingProtocol": "dict",
}
OWN = {"test_list.ListTest"}  # of these only what the class itself defines; the rest is in another suite

Test = collections.namedtuple("Test", "suite face name defined")  # defined: "mapping_tests.TestMappingProtocol.test_x"
Outcome = collections.namedtuple("Outcome", "word text")  # passed, skipped or failed, and why


def suite_class(suite):
    module, name = suite.split(".")
    return getattr(importlib.import_module(f"test.{module}"), name)


def tests_of(suite, face):
    """The suite's tests, each with the class that defines it: what cannot pass is listed once for all subclasses."""
    case = suite_class(suite)
    for name in unittest.TestLoader().getTestCaseNames(case):
        owner = next(base for base in case.__mro__ if name in vars(base))
        if suite in OWN and owner is not case:
            continue
        yield Test(suite, face, name, f"{owner.__module__.rpartition('.')[2]}.{owner.__name__}.{name}")


# ---- one test ----


def type_to_test(kind, face):
    if face == "native":
        return {"list": comem.List, "dict": comem.Dict}[kind]
    return staticmethod(getattr(comem.Manager(), kind))


def run(test):
    """The test's Outcome, in this process."""
    case = type("Conformance", (suite_class(test.suite),), {"type2test": type_to_test(SUITES[test.suite], test.face)})
    result = unittest.TestResult()
    case(test.name).run(result)
    if result.skipped:
        return Outcome("skipped", result.skipped[0][1])
    troubles = [text for _, text in result.failures + result.errors]
    return Outcome("failed", troubles[0]) if troubles else Outcome("passed", "")


def child(test, stream):
    """Runs in the forked process, to its end."""
    try:
        outcome = run(test)
    except BaseException:
        outcome = Outcome("failed", traceback.format_exc())
    stream.write(json.dumps(outcome).encode())
    stream.close()
    os._exit(0)


def run_apart(test):
    """The same in a process of its own, so that a crash or a hang is an outcome like others."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        child(test, open(writer, "wb"))
    os.close(writer)
    with open(reader, "rb", buffering=0) as stream:
        data, end = b"", time.monotonic() + LIMIT
        while select.select([stream], [], [], max(0, end - time.monotonic()))[0]:
            part = stream.read(65536)
            if not part:
                break
            data += part
        else:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return Outcome("failed", f"it takes longer than {LIMIT} seconds")
    _, status = os.waitpid(pid, 0)
    if status != 0 or not data:
        return Outcome("failed", f"its process ended with wait status {status:#x}")
    return Outcome(*json.loads(data))


# ---- all of them ----


def judge(test, outcome, reason):
    """What is wrong with the outcome, None when it is as cannot.py says."""
    if outcome.word == "failed" and reason is None:
        return f"{outcome.text.rstrip()}"
    if outcome.word == "passed" and reason is not None:
        return f"passes, and cannot.py lists it: {reason}"
    return None


def print_table(counts):
    width = max(map(len, SUITES))
    print(f"{'suite':{width}}  face     passed of")
    for (suite, face), count in counts.items():
        print(f"{suite:{width}}  {face:7}  {count['passed']:6} {count['passed'] + count['failed']:2}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--face", choices=FACES, help="only this face")
    parser.add_argument("text", nargs="*", help="only tests with one of these texts in their names; tracebacks")
    options = parser.parse_args()
    faulthandler.enable()

    listed = {face: cannot.reasons(face, sys.version_info[:2]) for face in FACES}
    unknown = {face: cannot.everywhere(face) for face in FACES}
    counts, wrong = {}, 0
    for suite in SUITES:
        for face in [options.face] if options.face else FACES:
            for test in tests_of(suite, face):
                unknown[face].discard(test.defined)
                if options.text and not any(text in test.defined for text in options.text):
                    continue
                outcome = run_apart(test)
                counts.setdefault((suite, face), collections.Counter())[outcome.word] += 1
                trouble = judge(test, outcome, listed[face].get(test.defined))
                if trouble is not None:
                    wrong += 1
                    print(f"{face} {test.defined}: {trouble if options.text else trouble.splitlines()[-1]}")
    for face in FACES:
        if options.face in (None, face):
            wrong += len(unknown[face])
            for name in sorted(unknown[face]):
                print(f"{face} {name}: cannot.py lists it, and there is no such test")
    if not counts:
        sys.exit("no test ran")
    print_table(counts)
    sys.exit(wrong != 0)


if __name__ == "__main__":
    main()
