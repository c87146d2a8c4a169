"""A counter and a cache that all workers of a web server share.

    gunicorn --workers 4 gunicorn_app:application

Each worker imports this module on its own, after the server forked it, so no object made here could be the others'. A
store by name can: whoever comes first makes it, and it is there for whoever comes later, also for the workers that take the
place of those that were killed. COMEM_STORE names it.
"""

import os
import time

import comem

store = comem.open(os.environ.get("COMEM_STORE", "gunicorn-example"))
counter = store.dict("counter")
cache = store.dict("cache")


def slow(number):
    time.sleep(0.01)
    return number * number


def square(number):
    """Worked out once for all workers; two that come at once may both work, and one answer is kept."""
    found = cache.get(number)
    return found if found is not None else cache.setdefault(number, slow(number))


def application(request, start_response):
    """Answers /7 with the worker's process number, how many requests there were, and 49."""
    count = counter.add("requests")
    number = request["PATH_INFO"].strip("/")
    answer = square(int(number)) if number.isdecimal() else ""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {count} {answer}\n".encode()]
