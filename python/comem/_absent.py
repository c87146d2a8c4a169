"""What one may look for in comem and not find: what to take instead. Imported when somebody does."""

from __future__ import annotations

import sys

_INSTEAD = {
    "Array Namespace": "comem.Manager().{0}() makes one, in a server process that all others ask",
    "Barrier BoundedSemaphore Condition Event JoinableQueue Lock Queue RLock Semaphore": (
        "multiprocessing.{0}() works beside comem, and comem.Manager().{0}() makes one that can be sent to others, in "
        "a server process that all others ask"
    ),
    "LifoQueue PriorityQueue SimpleQueue": "multiprocessing.Queue() works beside comem",
    "Set set": "a comem.Dict with the members as keys, each with True, is used much like one",
    "Counter": "add() of a comem.Dict counts",
    "DefaultDict defaultdict": "a comem.Dict has setdefault() and add()",
    "OrderedDict": "a comem.Dict keeps the order in which keys were stored",
    "Float Int": "comem.Value('d', 0.0) and comem.Value('q', 0) hold numbers",
    "Deque deque": "a comem.List has append(), insert(0, item), pop() and pop(0)",
    "Pool Process": "multiprocessing.{0} starts the processes, and they share what comem makes",
}


def error(name: str) -> AttributeError:
    """The AttributeError for comem.NAME."""
    for names, instead in _INSTEAD.items():
        if name in names.split():
            return AttributeError(f"comem has no {name} yet: " + instead.format(name))
    made = AttributeError(f"module 'comem' has no attribute {name!r}")
    for attribute, value in ("name", name), ("obj", sys.modules["comem"]):  # who shows it looks for a similar name
        setattr(made, attribute, value)
    return made
