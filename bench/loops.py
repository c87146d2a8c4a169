"""The loops that are timed. Both sides of a pair run the same one (each its own copy, see timing.py)."""

from pickle import dumps, loads


def get(items, indices):
    for index in indices:
        items[index]


def append(items, values):
    for value in values:
        items.append(value)


def iterate(items, _):
    for _ in items:
        pass


def extend(items, values):
    items.extend(values)


def insert_front(items, values):
    for value in values:
        items.insert(0, value)


def pop_front(items, values):
    for _ in values:
        items.pop(0)


def insert_at(items, places):
    for place in places:
        items.insert(place, place)


def slice_all(items, times):
    for _ in times:
        items[:]


def copy(items, times):
    for _ in times:
        items.copy()


def items(of, times):
    for _ in times:
        of.items()


def compare(pair, times):
    first, second = pair
    for _ in times:
        first == second


def copy_and_compare(pair, times):
    first, second = pair
    for _ in times:
        first[:] == second[:]


def sort(items, _):
    items.sort()


def make_lists(manager, times):
    for _ in times:
        manager.list()


def acquire_release(lock, times):
    for _ in times:
        lock.acquire()
        lock.release()


def call_each(function, arguments):
    for argument in arguments:
        function(argument)


def store(items, keys):
    for key in keys:
        items[key] = 1000


def store_each(items, pairs):
    for key, value in pairs:
        items[key] = value


def add(items, keys):
    for key in keys:
        items.add(key, 1)


def add_one(value, times):
    for _ in times:
        value.add(1)


def add_one_with_lock(value, times):
    for _ in times:
        with value.get_lock():
            value.value += 1


def get_nested(items, times):
    for _ in times:
        items["a"]["b"]


def store_and_get(items, values):
    for value in values:
        items["key"] = value
        items["key"]


def dump_and_load(_, values):
    for value in values:
        loads(dumps(value))
