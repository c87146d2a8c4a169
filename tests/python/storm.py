"""A storm under spawn or forkserver: processes come to a store by name and to the program's own, and most are killed.

    storm.py METHOD [KILLS [SEED]]      spawn or forkserver; 300

Operation number n of worker w is of kind (n + w) % KINDS, and before and after each one the worker says so in a file that all
map. So for each worker and kind it is known how often it was done: that often, or once more if it was killed in the middle of
one. Workers are killed from before they have been given their arguments on; some end by themselves, in one of several ways.

Afterwards what was acknowledged is there, exactly once; both stores pass their checks; no process, no descriptor and no file
are left.
"""

import mmap
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

import comem

KINDS = ("append", "count", "set", "pair", "nest", "make", "remove", "add", "hand", "reopen")
SEATS = 3
WORKERS = 4096
ENDS = ("kill", "kill", "kill", "kill", "return", "exit", "_exit", "close")
LIFE = {"spawn": 0.3, "forkserver": 0.1}  # seconds, of those who may be killed before they have begun to work


def done_of(worker, count, kind):
    """How many of a worker's first `count` operations are of that kind."""
    before = (KINDS.index(kind) - worker) % len(KINDS)
    return max(0, (count - before - 1) // len(KINDS) + 1) if count > before else 0


class Page:
    """What each worker says of itself: how many operations it began, and finished. Each number is stored at once."""

    def __init__(self, path):
        with open(path, "r+b") as file:
            self._numbers = memoryview(mmap.mmap(file.fileno(), WORKERS * 16)).cast("Q")

    def progress(self, worker):
        return self._numbers[2 * worker], self._numbers[2 * worker + 1]

    def begin(self, worker, number):
        self._numbers[2 * worker] = number + 1

    def finish(self, worker, number):
        self._numbers[2 * worker + 1] = number + 1


# ---- in a worker -----------------------------------------------------------------------------------------------------


class Worker:
    def __init__(self, worker, name, handed):
        self.worker, self.name, self.handed = worker, name, handed
        self.store = comem.open(name)

    def append(self, n):
        self.store.list("log").append((self.worker, n))

    def count(self, n):
        self.store.dict("counts").add(self.worker, 1)

    def set(self, n):
        self.store.dict("latest")[self.worker] = {"n": n, "text": "x" * (n * 37 % 3000)}

    def pair(self, n):
        self.store.dict("pairs").update({(self.worker, "one"): n, (self.worker, "two"): n})

    def nest(self, n):
        self.store.list("nested").append([self.worker, {"n": n}])  # deep: two shared objects

    def make(self, n):
        self.store.list(f"list of {self.worker}").append(n)

    def remove(self, n):
        try:
            del self.store[f"list of {self.worker}"]
        except KeyError:
            assert n == 0

    def add(self, n):
        self.store.var("total", 0).add(1)

    def hand(self, n):
        """To the program's own store, by the object that came as an argument."""
        self.handed.append((self.worker, n))

    def reopen(self, n):
        self.store.close()
        self.store = comem.open(self.name)


def work(worker, path, name, handed, limit, end):
    page, me = Page(path), Worker(worker, name, handed)
    for number in range(limit):
        kind = KINDS[(number + worker) % len(KINDS)]
        page.begin(worker, number)
        getattr(me, kind)(done_of(worker, number, kind))
        page.finish(worker, number)
    if end == "close":
        me.store.close()
    if end == "exit":
        sys.exit(0)
    if end == "_exit":
        os._exit(0)


# ---- the parent ------------------------------------------------------------------------------------------------------


class Storm:
    def __init__(self, method, seed, path, name):
        self.context, self.life = multiprocessing.get_context(method), LIFE[method]
        self.dice, self.path, self.name, self.page = random.Random(seed), path, name, Page(path)
        self.handed = comem.List()
        self.workers = self.kills = 0

    def begin(self):
        end = self.dice.choice(ENDS)
        limit = 1 << 40 if end == "kill" else self.dice.randrange(300)
        arguments = (self.workers, self.path, self.name, self.handed, limit, end)
        process = self.context.Process(target=work, args=arguments)
        process.start()
        self.workers += 1
        return process, self.workers - 1, time.monotonic() + self.dice.random() * self.life

    def end(self, process, worker, kill_at):
        if self.dice.random() < 0.75:  # most have begun to work
            while process.is_alive() and self.page.progress(worker)[0] == 0:
                time.sleep(0.001)
            kill_at = time.monotonic() + self.dice.random() * 0.05
        process.join(max(0, kill_at - time.monotonic()))
        process.kill()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
        self.kills += process.exitcode == -signal.SIGKILL
        process.close()

    def run(self, wanted):
        seats = [self.begin() for _ in range(SEATS)]
        while self.kills < wanted:
            for number in range(SEATS):
                self.end(*seats[number])
                seats[number] = self.begin()
        for seat in seats:
            self.end(*seat)

    def file(self):
        with comem.open(self.name):
            found = os.stat(f"/dev/shm/comem-{os.getuid()}-{self.name}")
        return found.st_dev, found.st_ino

    def between(self, worker, kind, found):
        started, finished = self.page.progress(worker)
        least, most = done_of(worker, finished, kind), done_of(worker, started, kind)
        assert least <= found <= most, (worker, kind, found, least, most)

    def look(self):
        """Everything that anybody was told of is there, and nothing else."""
        store = comem.open(self.name)
        log, handed, nested = list(store.list("log")), list(self.handed), store.list("nested")
        counts, latest, pairs = (store.dict(root).copy() for root in ("counts", "latest", "pairs"))
        nested = [(item[0], item[1]["n"]) for item in nested]
        for worker in range(self.workers):
            for kind, items in (("append", log), ("hand", handed), ("nest", nested)):
                mine = [n for number, n in items if number == worker]
                assert mine == list(range(len(mine))), (worker, kind, mine)
                self.between(worker, kind, len(mine))
            self.between(worker, "count", counts.get(worker, 0))
            value = latest.get(worker, {"n": -1, "text": "x" * (-37 % 3000)})
            assert value["text"] == "x" * (value["n"] * 37 % 3000)
            self.between(worker, "set", value["n"] + 1)
            assert pairs.get((worker, "one"), -1) == pairs.get((worker, "two"), -1)
            self.between(worker, "pair", pairs.get((worker, "one"), -1) + 1)
            self.look_at_root(store, worker)
        progress = [self.page.progress(worker) for worker in range(self.workers)]
        total = store.var("total", 0).get()
        least = sum(done_of(worker, finished, "add") for worker, (_, finished) in enumerate(progress))
        most = sum(done_of(worker, started, "add") for worker, (started, _) in enumerate(progress))
        assert least <= total <= most, (total, least, most)
        store.close()
        assert comem._engine._check() == []
        check = [sys.executable, "-m", "comem.cli", "check", self.name]
        assert subprocess.run(check, stdout=subprocess.DEVNULL).returncode == 0
        return sum(finished for _, finished in progress)

    def look_at_root(self, store, worker):
        """It is made and removed by turns."""
        started, finished = self.page.progress(worker)
        cut = KINDS[(finished + worker) % len(KINDS)] if started > finished else None
        kinds = [KINDS[(number + worker) % len(KINDS)] for number in range(max(0, finished - len(KINDS)), finished)]
        turns = [kind for kind in kinds if kind in ("make", "remove")]
        name = f"list of {worker}"
        if cut in ("make", "remove"):
            assert name not in store or len(store[name]) <= 1
        else:
            assert (name in store) == (turns[-1:] == ["make"]), (worker, turns)
            assert name not in store or len(store[name]) == 1


def main(method, kills=300, seed=None):
    seed = int(seed or time.time())
    name = f"storm-{os.environ.get('COMEM_TEST_MARK', os.getpid())}"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "page")
        with open(path, "wb") as file:
            file.truncate(WORKERS * 16)
        storm = Storm(method, seed, path, name)
        try:
            storm.run(SEATS)  # what a start leaves for good, as the forkserver's descriptors
            before, file = len(os.listdir("/proc/self/fd")), storm.file()
            storm.run(int(kills))
            assert storm.file() == file, "somebody else has replaced the store"
            done = storm.look()
            assert len(os.listdir("/proc/self/fd")) == before
        finally:
            comem.unlink(name)
    assert not [file for file in os.listdir("/dev/shm") if name in file]
    print(f"storm: {method}, {storm.kills} kills of {storm.workers} workers, {done} operations, seed {seed}")


if __name__ == "__main__":
    main(*sys.argv[1:])
