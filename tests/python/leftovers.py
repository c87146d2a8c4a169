"""What programs may have left when they ended: processes, and files in /dev/shm."""

import os
import time
import uuid

PATIENCE = 10  # seconds; a forkserver ends a moment after its last client


class Leftovers:
    """Knows a program's processes, whoever their parents are by now, by a variable in the environment they began with.

    A store by name is the program's if `mark` is in the name.
    """

    VARIABLE = "COMEM_TEST_MARK"

    def __init__(self):
        self.mark = uuid.uuid4().hex
        self._files = self._shared_memory()

    def _shared_memory(self):
        """Without what other programs may just have there: semaphores and arenas of multiprocessing, stores by name."""
        others = ("pym-", "sem.", "comem-")
        return {name for name in os.listdir("/dev/shm") if self.mark in name or not name.startswith(others)}

    def files(self):
        """What was not in /dev/shm before."""
        return self._shared_memory() - self._files

    def processes(self):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as environment:
                    if f"{self.VARIABLE}={self.mark}".encode() in environment.read().split(b"\0"):
                        found.append(int(pid))
            except OSError:
                pass  # gone, or another user's
        return found

    def check(self):
        """Fails unless all is gone, at once or in a while."""
        deadline = time.monotonic() + PATIENCE
        while self.files() or self.processes():
            assert time.monotonic() < deadline, (self.files(), self.processes())
            time.sleep(0.02)
