"""A web server that counts what was asked for in a dict that programs share; hits.c, in C, shows the counts.

    web.py STORE [PORT]

Any number of these may run, on one port each; they need not know of each other.
"""

import sys
from wsgiref.simple_server import make_server

import comem


def counting(hits):
    """The application: each answer says how often its path was asked for, of all servers together."""

    def application(request, start_response):
        count = hits.add(request["PATH_INFO"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{count}\n".encode()]

    return application


def main(name, port="0"):
    with comem.open(name) as store, make_server("127.0.0.1", int(port), counting(store.dict("hits"))) as server:
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
