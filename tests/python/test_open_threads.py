"""A store by name that threads of a process open and close, while other processes use it."""
import os
import subprocess
import sys
import time

import comem

SECONDS = 10
WATCH = 60

SCRIPT = """
import random, sys, threading, time
import comem

end = time.monotonic() + float(sys.argv[2])

def work():
    while time.monotonic() < end:
        try:
            with comem.open(sys.argv[1]) as store:
                items = store.list("items")
                items.append(1)
                store.dict("words").add("one")
                store.var("count", 0).add(1)
                if random.random() < 0.3:
                    del store["items"]
            if random.random() < 0.1:
                comem.unlink(sys.argv[1])
        except (FileNotFoundError, KeyError):
            pass

threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_that_close_do_not_wait_for_each_other_for_ever():
    """A closing took the interpreter's lock while it had the mutex that another one waited for with that lock."""
    name = f"open-threads-{os.getpid()}"
    command = [sys.executable, "-c", SCRIPT, name, str(SECONDS)]
    children = [subprocess.Popen(command) for _ in range(5)]
    end = time.monotonic() + SECONDS
    try:
        while time.monotonic() < end:  # what the dead had locked makes the others sleep
            time.sleep(0.1)
            children[0].kill()
            children.pop(0).wait()
            children.append(subprocess.Popen(command))
        for child in children:
            assert child.wait(SECONDS + WATCH) == 0
    finally:
        for child in children:
            child.kill()
            child.wait()
        with comem.open(name):
            comem.unlink(name)
