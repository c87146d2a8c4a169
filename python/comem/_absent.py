"""What one may look for in comem and not find: what to take instead. Imported when somebody does."""

from __future__ import annotations

_INSTEAD = {
    "Array Namespace": "comem.Manager().{0}() makes one, in a server process that all others ask",
    "Barrier BoundedSemaphore Condition Event JoinableQueue Lock Queue RLock Semaphore": (
        "multiprocessing.{0}() works beside comem, and comem.Manager().{0}() makes one that can be sent to others, in "
        "a server process that all others ask"
    ),
    "LifoQueue PriorityQueue SimpleQueue": "multiprocessing.Queue() works beside comem",
    "Set set": "a comem.Dict with the members as keys, each with True, is used much like one",
    "Deque deque": "a comem.List has append(), insert(0, item), pop() and pop(0)",
    "Pool Process": "multiprocessing.{0} starts the processes, and they share what comem makes",
}


def sentence(name: str) -> str:
    """What the AttributeError for comem.NAME says."""
    for names, instead in _INSTEAD.items():
        if name in names.split():
            return f"comem has no {name} yet: " + instead.format(name)
    return f"module 'comem' has no attribute {name!r}"
