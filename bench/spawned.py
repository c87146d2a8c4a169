"""A program whose spawned children use one shared list. Prints the nanoseconds of one, from start() to the end of join().

    spawned.py comem|multiprocessing

A child imports this file and what it needs to load its argument, nothing else. The first one is not counted: with it
multiprocessing starts a process of its own, unless a manager's process had it start that before.
"""

import multiprocessing
import sys
from time import perf_counter_ns

CHILDREN = 4
ITEMS = 10


def work(shared):
    for item in range(ITEMS):
        shared.append(item)


def run(shared):
    process = multiprocessing.Process(target=work, args=(shared,))
    process.start()
    process.join()
    if process.exitcode != 0:
        sys.exit(f"a child ended with {process.exitcode}")


def measure(shared):
    run(shared)
    start = perf_counter_ns()
    for _ in range(CHILDREN):
        run(shared)
    time = perf_counter_ns() - start
    if list(shared) != list(range(ITEMS)) * (CHILDREN + 1):
        sys.exit("the children did not do their work")
    print(time // CHILDREN)


def main(module):
    multiprocessing.set_start_method("spawn")
    if module == "comem":
        import comem

        measure(comem.List())
    else:
        with multiprocessing.Manager() as manager:
            measure(manager.list())


if __name__ == "__main__":
    main(sys.argv[1])
