"""Checks the Promela models of this folder with Spin, one after the other.

    python tests/models/run.py [--build DIR] [--quick] [--match TEXT] [--list]

A correct protocol must hold; a broken variant, the same file compiled with its macro, must be refuted by a
counterexample. A search that Spin did not finish, for depth, memory or time, fails whatever was expected of it.
Ends with status 0 if every check passed.
"""

import argparse
import re
import resource
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

MODELS = Path(__file__).resolve().parent
MEMORY_LIMIT_MB = 8000

# name       what the line is called; the model is the part before the first space
# property   safety: assertions and no invalid end state; liveness: the model's ltl formula under weak fairness
# expect     holds or refuted
# macros     given to Spin's preprocessor
# depth      of the search stack, at least as deep as the search goes
# timeout    of the search, in seconds by the clock: generous, the machine may be busy
# quick      part of `make test`
Check = namedtuple("Check", "name property expect macros depth timeout quick")


def holds(name, *macros, property="safety", depth=10_000, timeout=900, quick=False):
    return Check(name, property, "holds", macros, depth, timeout, quick)


def refuted(name, *macros, property="safety", depth=10_000, timeout=300, quick=False):
    return Check(name, property, "refuted", macros, depth, timeout, quick)


TWO_HEAPS = ("HEAPS=2", "BLOCKS=2", "COMMITTED_AT_START=1")

CHECKS = [
    holds("recovery all operations"),
    holds("recovery one of each", "ONE_OF_EACH", quick=True),
    holds("recovery liveness", property="liveness"),
    holds("recovery two heaps", *TWO_HEAPS, quick=True),
    holds("recovery two heaps, liveness", *TWO_HEAPS, property="liveness"),
    refuted("recovery bit before ALLOC", "BROKEN_BIT_BEFORE_ALLOC"),
    refuted("recovery entry cleared after unlock", "BROKEN_CLEAR_AFTER_UNLOCK", quick=True),
    refuted("recovery lock in the recoverer's name", "BROKEN_LOCK_IN_OWN_NAME", quick=True),
    refuted("recovery words undone last", "BROKEN_WORDS_LAST"),
    refuted("recovery change before LOG is complete", "BROKEN_CHANGE_BEFORE_LOG"),
    refuted("recovery heap lock under LOG", "BROKEN_HEAP_UNDER_LOG"),
    refuted("recovery savepoint before the link", "BROKEN_SAVEPOINT_BEFORE_LINK"),
    refuted("recovery BUILD before the root is blank", "BROKEN_BUILD_BEFORE_BLANK"),
    refuted("recovery held only", "BROKEN_HELD_ONLY", property="liveness"),
    refuted("recovery held only, two heaps", "BROKEN_HELD_ONLY", *TWO_HEAPS, property="liveness"),
    refuted("recovery claims dropped last", "BROKEN_CLAIMS_DROPPED_LAST", property="liveness"),
    refuted("recovery help only, two heaps", "BROKEN_HELP_ONLY", *TWO_HEAPS, property="liveness"),

    holds("slot_reuse lock and record"),
    holds("slot_reuse one round", "ROUNDS=1", quick=True),
    holds("slot_reuse sweep only, five threads", "SWEEP_ONLY"),
    refuted("slot_reuse claim without generation", "BROKEN_CLAIM_WITHOUT_GENERATION", quick=True),
    refuted("slot_reuse freed with its claim", "BROKEN_FREED_WITH_CLAIM"),
    refuted("slot_reuse life word read first", "BROKEN_LIFE_READ_FIRST"),
    refuted("slot_reuse claim taken over", "BROKEN_TAKEOVER", "SWEEP_ONLY"),
    refuted("slot_reuse unlock after free", "BROKEN_UNLOCK_AFTER_FREE"),

    holds("threads two deaths", quick=True),
    holds("threads three deaths", "MAX_DEATHS=3"),
    refuted("threads no fence in take", "BROKEN_NO_FENCE_IN_TAKE", quick=True),
    refuted("threads no fence in release", "BROKEN_NO_FENCE_IN_RELEASE"),
    refuted("threads no fence in count-down", "BROKEN_NO_FENCE_IN_COUNT_DOWN"),
    refuted("threads links before version", "BROKEN_LINKS_BEFORE_VERSION"),
    refuted("threads no validation", "BROKEN_NO_VALIDATION"),
    refuted("threads failed take only clears", "BROKEN_FAILED_TAKE_ONLY_CLEARS"),
    refuted("threads release without PENDING", "BROKEN_RELEASE_WITHOUT_PENDING"),
    refuted("threads dead with one thread", "BROKEN_ONE_THREAD_DEAD"),

    holds("trash", quick=True),
    refuted("trash entry cleared after unlock", "BROKEN_CLEAR_AFTER_UNLOCK", quick=True),
    refuted("trash push without the test", "BROKEN_PUSH_WITHOUT_TEST"),
    refuted("trash HOLD after the pop", "BROKEN_HOLD_AFTER_POP"),
    refuted("trash freed from HOLD", "BROKEN_FREE_FROM_HOLD"),

    holds("trash_roots two roots"),
    holds("trash_roots three roots", "ROOTS=3"),
    holds("trash_roots three roots, two threads", "ROOTS=3", "OTHERS=2", "SLOTS=2", quick=True),
    refuted("trash_roots owner settles upwards", "BROKEN_OWNER_UPWARDS", quick=True),
    refuted("trash_roots repair settles upwards", "BROKEN_REPAIR_UPWARDS"),
    refuted("trash_roots settle without clearing", "BROKEN_SETTLE_WITHOUT_CLEARING"),
    refuted("trash_roots abandon without clearing", "BROKEN_ABANDON_WITHOUT_CLEARING", quick=True),
    refuted("trash_roots repair without clearing", "BROKEN_REPAIR_WITHOUT_CLEARING"),

    holds("change one changer", quick=True),
    holds("change making room", "ROOM"),
    holds("change two changers", "CHANGERS=2", "REAPERS=0", "READY"),
    holds("change two changers without values", "CHANGERS=2", "REAPERS=0", "VALUES=0"),
    holds("change two reapers, without values", "REAPERS=2", "VALUES=0"),
    refuted("change fresh without PART", "BROKEN_FRESH_WITHOUT_PART", quick=True),
    refuted("change old whole", "BROKEN_OLD_WHOLE"),
    refuted("change removed without SHELL", "BROKEN_REMOVED_WITHOUT_SHELL"),
    refuted("change savepoint before garbage", "BROKEN_SAVEPOINT_BEFORE_GARBAGE"),
    refuted("change garbage without WORD", "BROKEN_GARBAGE_WITHOUT_WORD"),
    refuted("change entry after savepoint", "BROKEN_ENTRY_AFTER_SAVEPOINT"),
    refuted("change old garbage after commit", "BROKEN_OLD_GARBAGE_AFTER_COMMIT"),
    refuted("change HOLD dropped first", "BROKEN_HOLD_DROPPED_FIRST"),
    refuted("change HOLD dropped last", "BROKEN_HOLD_DROPPED_LAST"),
    refuted("change flags after push", "BROKEN_FLAGS_AFTER_PUSH"),
    refuted("change words last", "BROKEN_WORDS_LAST", "REAPERS=2", "VALUES=0"),
    refuted("change reap without WORD", "BROKEN_REAP_WITHOUT_WORD"),
    refuted("change reap garbage last", "BROKEN_REAP_GARBAGE_LAST"),
    refuted("change part before garbage", "BROKEN_PART_BEFORE_GARBAGE"),

    holds("links one operation each", "OPERATIONS=1", quick=True),
    holds("links two operations each"),
    holds("links two reapers", "REAPERS=2", "OPERATIONS=1"),
    refuted("links COMMITTED after unlock", "BROKEN_COMMIT_AFTER_UNLOCK", quick=True),
    refuted("links OWE after unlock", "BROKEN_OWE_AFTER_UNLOCK"),
    refuted("links reap without the dead record", "BROKEN_REAP_WITHOUT_DEAD_RECORD"),
    refuted("links repair without verdict", "BROKEN_REPAIR_WITHOUT_VERDICT"),
    refuted("links claims dropped first", "BROKEN_CLAIMS_DROPPED_FIRST", "REAPERS=2", "OPERATIONS=1"),
    refuted("links count-down without OWE", "BROKEN_COUNT_DOWN_WITHOUT_OWE"),

    holds("dict get"),
    holds("dict get, one key, one death", "ONE_KEY", "MAX_DEATHS=1", quick=True),
    holds("dict get, three operations", "WRITERS=1", "OPERATIONS=3"),
    holds("dict copies", "COPIES"),
    holds("dict copies, three operations", "WRITERS=1", "OPERATIONS=3", "COPIES"),
    refuted("dict undone key stays", "BROKEN_UNDONE_KEY_STAYS", quick=True),
    refuted("dict mismatch unchecked", "BROKEN_MISMATCH_UNCHECKED"),
    refuted("dict dead without version", "BROKEN_DEAD_WITHOUT_VERSION"),
    refuted("dict even before commit", "BROKEN_EVEN_BEFORE_COMMIT"),
    refuted("dict taken out unseen", "BROKEN_TAKEN_OUT_UNSEEN", "COPIES"),
    refuted("dict change unseen", "BROKEN_CHANGE_UNSEEN", "COPIES"),
    refuted("dict touch unseen", "BROKEN_TOUCH_UNSEEN", "COPIES"),
    refuted("dict version passes before commit", "BROKEN_PASSES_BEFORE_COMMIT", "COPIES"),
    refuted("dict touch seen late", "BROKEN_TOUCH_SEEN_LATE", "COPIES"),
    refuted("dict VERSION kept", "BROKEN_VERSION_KEPT"),
    refuted("dict tombstone before commit", "BROKEN_TOMBSTONE_BEFORE_COMMIT"),
    refuted("dict position without WORD", "BROKEN_POSITION_WITHOUT_WORD"),
    refuted("dict trimmed with position", "BROKEN_TRIMMED_WITH_POSITION", "OPERATIONS=2", "MAX_DEATHS=1", "ONE_KEY"),
    refuted("dict versions down", "BROKEN_VERSIONS_DOWN"),
    refuted("dict versions before words", "BROKEN_VERSIONS_FIRST"),
    refuted("dict unlock before words", "BROKEN_UNLOCK_FIRST"),
    refuted("dict WATCH ignored", "BROKEN_WATCH_IGNORED"),

    holds("dict_compact", quick=True),
    holds("dict_compact three operations", "WRITERS=1", "OPERATIONS=3"),
    refuted("dict_compact undone unseen", "BROKEN_UNDONE_UNSEEN", quick=True),
    refuted("dict_compact undone seen early", "BROKEN_UNDONE_SEEN_EARLY"),
    refuted("dict_compact given first", "BROKEN_GIVEN_FIRST"),
    refuted("dict_compact freed before commit", "BROKEN_FREED_BEFORE_COMMIT"),
    refuted("dict_compact table unchecked", "BROKEN_TABLE_UNCHECKED"),
    refuted("dict_compact no block, no key", "BROKEN_NO_BLOCK_NO_KEY"),
    refuted("dict_compact moved before LOG", "BROKEN_MOVED_BEFORE_LOG"),
    refuted("dict_compact slot without WORD", "BROKEN_SLOT_WITHOUT_WORD"),
    refuted("dict_compact same id", "BROKEN_SAME_ID"),
    refuted("dict_compact copied late", "BROKEN_COPIED_LATE"),
    refuted("dict_compact WATCH ignored", "BROKEN_WATCH_IGNORED"),

    holds("dict_update"),
    holds("dict_update one death", "MAX_DEATHS=1", quick=True),
    refuted("dict_update dict even before LOG", "BROKEN_DICT_EVEN_BEFORE_LOG"),
    refuted("dict_update version logged last", "BROKEN_VERSION_LOGGED_LAST"),
    refuted("dict_update change before LOG", "BROKEN_CHANGE_BEFORE_LOG"),
    refuted("dict_update key stays", "BROKEN_KEY_STAYS"),
    refuted("dict_update old is built whole", "BROKEN_OLD_IS_BUILT_WHOLE"),
    refuted("dict_update new is trashed whole", "BROKEN_NEW_IS_TRASHED_WHOLE"),
    refuted("dict_update old filled late", "BROKEN_OLD_FILLED_LATE"),
    refuted("dict_update counts without WATCH", "BROKEN_COUNTS_WITHOUT_WATCH"),
    refuted("dict_update LOG kept", "BROKEN_LOG_KEPT"),
]


class Broken(Exception):
    """The check could not be carried out; the text says why."""


def run(command, directory, timeout):
    """Returns what `command` printed. Its status is not looked at: pan returns 0 with or without errors."""
    try:
        done = subprocess.run(command, cwd=directory, timeout=timeout, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        raise Broken(f"{command[0]}: not done after {timeout} s")
    except OSError as error:
        raise Broken(f"{command[0]}: {error.strerror}")
    return done.stdout


def compile_model(check, directory):
    """Leaves an executable `pan` in `directory`."""
    model = MODELS / (check.name.split()[0] + ".pml")
    macros = [f"-D{macro}" for macro in check.macros]
    optimize = "-O2" if check.expect == "holds" else "-O0"      # a counterexample is found sooner than gcc optimizes
    flags = [optimize, "-w", "-DCOLLAPSE", f"-DMEMLIM={MEMORY_LIMIT_MB}"]
    if check.property == "liveness":
        macros.append("-DLIVENESS")
        flags.append("-DNFAIR=5")
    else:
        flags.append("-DSAFETY")
    for command in (["spin", "-a", *macros, str(model)], ["gcc", *flags, "-o", "pan", "pan.c"]):
        output = run(command, directory, timeout=300)
    if not (directory / "pan").exists():
        raise Broken("does not compile: " + (output.strip().splitlines() or ["no output"])[-1])


def search(check, directory):
    """Returns (states, whether Spin found a counterexample). Raises Broken if the search is not complete."""
    command = ["./pan", "-n", f"-m{check.depth}"]
    if check.property == "liveness":
        command += ["-a", "-f"]
    output = run(command, directory, check.timeout)
    (directory / "pan.out").write_text(output)
    errors = re.search(r"errors: (\d+)", output)
    stored = re.search(r"(\d+(?:\.\d+)?(?:e\+\d+)?) states, stored", output)
    if not errors or not stored:
        raise Broken("pan printed no result: " + (output.strip().splitlines() or ["no output"])[-1])
    kinds = "acceptance cycle" if check.property == "liveness" else "assertion violated|invalid end state"
    found = re.search(rf"pan:\d+: ({kinds})", output)
    if bool(found) != (errors.group(1) != "0"):
        raise Broken("not the error looked for: " + output.strip().splitlines()[0])
    if not found:
        for sign in ("max search depth too small", "out of memory", "Search not completed", "reached -DMEMLIM"):
            if sign in output:
                raise Broken("search not complete: " + sign)
    return int(float(stored.group(1))), bool(found)


def processor_seconds():
    """What the commands run so far have used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def carry_out(check, build):
    """Returns (states, processor seconds of the search, verdict, whether the check passed)."""
    directory = build / re.sub(r"\W+", "_", check.name)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    states, seconds = 0, 0.0
    try:
        compile_model(check, directory)
        start = processor_seconds()
        try:
            states, found = search(check, directory)
        finally:
            seconds = processor_seconds() - start
    except Broken as reason:
        return states, seconds, str(reason), False
    result = "refuted" if found else "holds"
    passed = result == check.expect
    return states, seconds, result if passed else f"{result}, expected: {check.expect}", passed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build/models"),
                        help="where to compile (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="only the checks that are part of `make test`")
    parser.add_argument("--match", default="", help="only the checks whose name contains this text")
    parser.add_argument("--list", action="store_true", help="print the checks instead of running them")
    arguments = parser.parse_args()

    checks = [check for check in CHECKS if arguments.match in check.name and (check.quick or not arguments.quick)]
    if arguments.list:
        for check in checks:
            print(f"{check.name:44} {check.property:9} {check.expect:8} {' '.join(check.macros)}")
        return 0
    build = arguments.build.resolve()
    failed = 0
    for check in checks:
        states, seconds, verdict, passed = carry_out(check, build)
        failed += not passed
        print(f"{check.name:44} {check.property:9} {states:>10} states {seconds:7.1f} s  "
              f"{'ok' if passed else 'FAILED'}: {verdict}", flush=True)
    print(f"models: {len(checks) - failed} passed, {failed} failed")
    return 1 if failed or not checks else 0


if __name__ == "__main__":
    sys.exit(main())
