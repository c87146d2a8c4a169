"""Errors that a user may make: what test_errors.py makes happen, and what docs/errors.md says, which is made of this.

A program stands for what somebody writes; comem is imported. In a sentence, … stands for what differs from run to run.
A script runs as a file of its own, and the sentence ends a traceback of it or of one of its children.
"""

from typing import NamedTuple


class Case(NamedTuple):
    program: str
    error: str  # as a traceback names it
    sentence: str
    advice: str
    shown: str = ""  # in the place of the program, on the page
    script: bool = False
    environment: dict = {}


class Group(NamedTuple):
    title: str
    text: str
    cases: list


EXCEPTIONS = [
    ("GoneError", "BrokenPipeError, EOFError", "what is used is not there any more, or out of this process's reach"),
    ("DamagedError", "RuntimeError", "a store is damaged: its file was cut short or written to by something else"),
    (
        "ValueUnreadable",
        "pickle.UnpicklingError",
        "a stored value cannot be unpickled in this process; it stays where it is",
    ),
    ("PrivateCopyWarning", "UserWarning", "a module makes an object at its top that no other process has"),
]

SPAWN = """
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    process = multiprocessing.Process(target=work)
    process.start()
    process.join()
"""

SAME = "As with the built-in type."

LIKE_BUILT_IN = Group(
    "A list or dict refuses as the built-in one does",
    "Types and sentences are those of `list` and `dict`; so is what to do.",
    [
        Case("comem.List([1])[5]", "IndexError", "list index out of range", SAME),
        Case("comem.List([1])[5] = 0", "IndexError", "list assignment index out of range", SAME),
        Case("comem.List().pop()", "IndexError", "pop from empty list", SAME),
        Case('comem.List()["a"]', "TypeError", "list indices must be integers or slices, not str", SAME),
        Case("comem.List([1]).remove(2)", "ValueError", "list.remove(x): x not in list", SAME),
        Case(
            "comem.List([1]) + (2,)", "TypeError", 'can only concatenate list (not "tuple") to list', "Use `extend()`."
        ),
        Case("comem.List(5)", "TypeError", "'int' object is not iterable", SAME),
        Case(
            'comem.List([1, "a"]).sort()',
            "TypeError",
            "'<' not supported between instances of 'str' and 'int'",
            "Give a `key=`.",
        ),
        Case('comem.Dict()["a"]', "KeyError", "'a'", "`get()`, `setdefault()` and `pop(key, default)` do not raise."),
        Case("comem.Dict().popitem()", "KeyError", "'popitem(): dictionary is empty'", SAME),
        Case(
            "hash(comem.List())",
            "TypeError",
            "unhashable type: 'comem.List'",
            "It compares by content, which changes. What a manager made, and a `comem.Value`, have a hash.",
        ),
        Case(
            "comem.List().name = 1",
            "AttributeError",
            "'comem.List' object has no attribute 'name'…",
            "Attributes would be this process's alone: store in the list, or derive a class.",
        ),
    ],
)

BUILT_IN_ONLY = Group(
    "Something takes built-in lists and dicts alone",
    "Copy what is shared: [Built-in copies, JSON, files](dicts.md#built-in-copies-json-files) has a function `plain()`.",
    [
        Case(
            "import json\njson.dumps(comem.Dict(a=[1]))",
            "TypeError",
            "Object of type Dict is not JSON serializable",
            "`json.dumps(plain(shared))`. `default=list` would write the keys alone.",
            shown="json.dumps(comem.Dict(a=[1]))",
        ),
        Case(
            'import json\njson.dumps({"done": comem.List([1])})',
            "TypeError",
            "Object of type List is not JSON serializable",
            "The same, also for what is inside others. Of a manager's it says `DictProxy` and `ListProxy`.",
            shown='json.dumps({"done": comem.List([1])})',
        ),
    ],
)

ABSENT = Group(
    "comem has no ...",
    "",
    [
        Case(
            "comem.Queue()",
            "AttributeError",
            "comem has no Queue yet: multiprocessing.Queue() works beside comem, and comem.Manager().Queue() makes one "
            "that can be sent to others, in a server process that all others ask",
            "As it says. So for `Lock`, `RLock`, `Event`, `Condition`, `Semaphore`, `Barrier`, `JoinableQueue`.",
        ),
        Case(
            "comem.Set()",
            "AttributeError",
            "comem has no Set yet: a comem.Dict with the members as keys, each with True, is used much like one",
            "`members = comem.Dict.fromkeys(names, True)`; `name in members`, `members.pop(name, None)`.",
        ),
        Case(
            "comem.Deque()",
            "AttributeError",
            "comem has no Deque yet: a comem.List has append(), insert(0, item), pop() and pop(0)",
            "Both ends of a list are quick.",
        ),
        Case(
            'comem.Array("i", 3)',
            "AttributeError",
            "comem has no Array yet: comem.Manager().Array() makes one, in a server process that all others ask",
            "A `comem.List` is an array that grows; `multiprocessing.Array()` works beside comem.",
        ),
        Case(
            "comem.Process()",
            "AttributeError",
            "comem has no Process yet: multiprocessing.Process starts the processes, and they share what comem makes",
            "`multiprocessing.Process(...)`, or `Pool`, or `os.fork()`.",
        ),
        Case(
            "from comem import Queue",
            "ImportError",
            "cannot import name 'Queue' from 'comem' (…",
            "`comem.Queue` says what to take instead.",
        ),
        Case(
            "comem.Lists()",
            "AttributeError",
            "module 'comem' has no attribute 'Lists'…",
            "`dir(comem)` lists what there is.",
        ),
    ],
)

VALUES = Group(
    "A value cannot be stored",
    "What can be is in [values.md](values.md).",
    [
        Case(
            "import threading\ncomem.List([threading.Lock()])",
            "TypeError",
            "cannot store an object of type 'lock': cannot pickle '_thread.lock' object; it belongs to this process:"
            " store what others can make one of their own from",
            "So for files, generators, modules, and objects that have one in an attribute: store the name, the path,"
            " the arguments, and make it again in the process that reads.",
        ),
        Case(
            "import multiprocessing\ncomem.List([multiprocessing.Lock()])",
            "TypeError",
            "cannot store an object of type 'Lock': Lock objects should only be shared between processes through "
            "inheritance; pass it as an argument of the process",
            "`Process(target=work, args=(lock, shared))`, or the initializer of a pool; `comem.Manager().Lock()` makes"
            " one that can be stored.",
        ),
        Case(
            "import socket\ncomem.List([socket.socket()])",
            "TypeError",
            "cannot store an object of type 'socket': cannot pickle … pass it as an argument of the process",
            "Or send it through a pipe or queue of multiprocessing.",
        ),
        Case(
            "import multiprocessing\ncomem.List(multiprocessing.Pipe())",
            "TypeError",
            "cannot store an object of type 'Connection': cannot pickle 'Connection' object; pass it as an argument of"
            " the process",
            "A pipe's end is a descriptor of its process, as a socket is.",
        ),
        Case(
            "comem.List([lambda item: item + 1])",
            "TypeError",
            "cannot store an object of type 'function': Can't …; others can find only what has a name at the top of a"
            " module",
            "Write `def` at the top of a module. So for classes made in a function, and their objects.",
        ),
        Case(
            "comem.List([{1, 2}])",
            "TypeError",
            "cannot store a plain 'set' in an object that shares all the way down: it would be a private copy; store a "
            "frozenset, or a dict with the members as keys, each with True",
            "`comem.Value(None, {1, 2})` and `comem.Manager().list()` take one, as a value that is copied.",
        ),
        Case(
            "comem.Manager(pickle=False).list([1j, object()])",
            "TypeError",
            "cannot store an object of type 'object' here: it would have to be pickled, and this shared object was made"
            " with pickle=False",
            "Store numbers, str, bytes, None, and lists, tuples, dicts and sets of them; or leave `pickle=False` out.",
        ),
        Case(
            "comem.List([comem.MISSING])",
            "TypeError",
            "comem.MISSING says what becomes of a value, it is none that can be stored",
            "To take a key away: `del`, `pop()` or `cas(key, old, comem.MISSING)`.",
        ),
        Case(
            'store = comem.open("myapp")\nstore.list("jobs").append(comem.List())',
            "ValueError",
            "a shared object of another store cannot be referred to from this one: store a copy of its content",
            "`append([])`, or make it where it belongs: `store.list(name)`. `comem.List()` makes one in the program's"
            " own store.",
        ),
        Case(
            "class Job: pass\nshared = comem.List([Job()])\ndel Job\nprint(shared)\nshared[0]",
            "comem.ValueUnreadable",
            "item 0, an object of class __main__.Job, cannot be unpickled here: AttributeError: …'Job'…",
            "Put the class into a module that all processes import. The value stays; `del`, `len`, `print` work.",
            script=True,
        ),
    ],
)

KEYS = Group(
    "A key is refused",
    "What can be one is in [keys.md](keys.md).",
    [
        Case("comem.Dict()[[1, 2]] = 3", "TypeError", "unhashable type: 'list'", "Use a tuple."),
        Case(
            "comem.Dict()[comem.List()] = 3",
            "TypeError",
            "cannot use a shared object as a key: 'List'; use a name for it, a str say",
            "Store the object as the value, under that name.",
        ),
        Case(
            "comem.Dict()[object()] = 3",
            "TypeError",
            "cannot use an object of type 'object' as a key: it is compared by identity, so a copy of it could never be found again;"
            " give the class __eq__ and __hash__, or __comem_key__",
            "`@dataclass(frozen=True)` gives a class both.",
        ),
        Case(
            "comem.Dict()[lambda: 1] = 3",
            "TypeError",
            "cannot use <function <lambda> at …> in a key: it is not found as …<lambda>, so a copy would not be either;"
            " define it at the top of a module",
            "Or use its name as the key.",
        ),
    ],
)

NUMBERS = Group(
    "A comem.Value refuses",
    "[variables.md](variables.md) has the type codes.",
    [
        Case(
            "hits = comem.Value('i', 0)\nhits += 1",
            "TypeError",
            "use add(n), which is one change; .value += n would be two",
            "`hits.add(1)`.",
        ),
        Case(
            "hits = comem.Value('i', 0)\nhits + 1",
            "TypeError",
            "unsupported operand type(s) for +: 'comem.Value' and 'int'",
            "`hits.value + 1`: a Value is a handle.",
        ),
        Case(
            "comem.Value('i', 2**40)",
            "OverflowError",
            "an int beyond the range of type 'i': -2147483648 to 2147483647",
            "Type `'q'` has 64 bits; `comem.Value(None, 0)` holds any int.",
        ),
        Case("comem.Value('i', 1.5)", "TypeError", "'float' object cannot be interpreted as an integer", "Type `'d'`."),
        Case(
            "comem.Value(int, 0)",
            "TypeError",
            "Value() takes a typecode, a ctypes type of one value, or None first, not <class 'int'>; for any value: "
            "Value(None, <class 'int'>)",
            "`comem.Value('q', 0)`.",
        ),
        Case(
            "comem.Value('z', 0)",
            "ValueError",
            "bad typecode 'z' (must be one of 'b', 'B', 'h', 'H', 'i', 'I', 'l', 'L', 'q', 'Q', 'f', 'd', '?', 'c',"
            " 'u', or None); for any value: Value(None, 'z')",
            "As it says.",
        ),
        Case(
            "comem.Value('i', 0, lock=False)",
            "TypeError",
            "Value() takes a typecode and a value, by position, and no lock: .value, add() and cas() are one change"
            " each",
            "Leave `lock=` out.",
        ),
        Case(
            "with comem.Value('i', 0).get_lock(): pass",
            "AttributeError",
            "'comem.Value' object has no attribute 'get_lock'",
            "`add()` and `cas()` need no lock. For more than that, a `multiprocessing.Lock()` beside it.",
        ),
        Case(
            "comem.Dict(name='x').add('name')",
            "TypeError",
            "add() adds numbers, not 'str' and 'int'",
            "`update_if(key, function)` changes a value of any kind.",
        ),
    ],
)

GLOBALS = Group(
    "comem.var refuses",
    "[globals.md](globals.md) says what becomes of an initial value.",
    [
        Case("comem.var('nothing')", "KeyError", "'nothing'", "Give what it begins with: `comem.var('nothing', 0)`."),
        Case(
            "comem.var('words', [])\ncomem.var('words', {})",
            "TypeError",
            "the global 'words' is a list, and was asked for as a dict",
            "Another part of the program has the name: choose another, `'mymodule.words'` say, or"
            " `comem.forget('words')`.",
        ),
        Case(
            "comem.var('words', set())",
            "TypeError",
            "a 'set' cannot become a global: comem has no shared kind of this container yet. A list or a dict becomes a"
            " shared one; comem.Value(None, it) is one value, of which everybody gets copies",
            "`comem.var('words', {})`, with the members as keys.",
        ),
        Case(
            "comem.var('words', [], factory=list)",
            "TypeError",
            "var() takes an initial value or a factory, not both",
            "A factory is for what costs time to make.",
        ),
        Case("comem.var(5, 0)", "TypeError", "a global's name is a str, not 'int'", "`comem.var('five', 0)`."),
        Case("comem.forget('nothing')", "KeyError", "'nothing'", "It was forgotten before, or never made."),
    ],
)

PROCESSES = Group(
    "In another process",
    "[processes.md](processes.md) says how objects get to other processes.",
    [
        Case(
            "import multiprocessing\nshared = comem.List()\ndef work():\n    shared.append(1)\n" + SPAWN,
            "RuntimeError",
            "this object stands for nothing: it was made while this process imported its parent's main module again."
            ' For a global use comem.var(name, initial); make any other under `if __name__ == "__main__":` and pass it'
            " as an argument",
            "`shared = comem.var('shared', [])`, or `Process(target=work, args=(shared,))`. It happens under spawn and "
            "forkserver, which is the default from Python 3.14 on.",
            shown="shared = comem.List()\ndef work(): shared.append(1)",
            script=True,
        ),
        Case(
            'import multiprocessing\nif __name__ != "__main__":\n    import comem\n    comem.var("words",'
            ' []).append("x")\ndef work():\n    pass\n'
            + SPAWN,
            "RuntimeError",
            "the global 'words' cannot be used here: this process is importing its parent's main module, and the parent"
            " had not imported comem when it started it. What it does with it belongs into a function that the worker"
            ' processes call, or under `if __name__ == "__main__":`; each of them has the global, by the same'
            " comem.var()",
            "Making the global at the top of a module is right; using it there is not.",
            shown='comem.var("words", []).append("x")',
            script=True,
        ),
        Case(
            "import multiprocessing, warnings\n"
            "open(__file__.replace('script', 'library'), 'w').write('import comem\\ncache = comem.Dict()\\n')\n"
            "def work():\n    warnings.simplefilter('error')\n    import library\n"
            + SPAWN,
            "comem.PrivateCopyWarning",
            "every process that imports library makes a shared object of its own here, which no other process has: "
            "comem.var(name, initial) gives all of them the same one",
            "`cache = comem.var('library.cache', {})`.",
            shown="import library    # cache = comem.Dict() at its top",
            script=True,
        ),
        Case(
            "import pickle, subprocess, sys\n"
            "text = 'import comem, pickle, sys; sys.stdout.buffer.write(pickle.dumps(comem.List()))'\n"
            "data = subprocess.run([sys.executable, '-c', text], stdout=subprocess.PIPE).stdout\n"
            "pickle.loads(data)",
            "comem.GoneError",
            "the shared object is out of reach: this process is none of the program that has it, and process …, which"
            " sent it, is gone",
            "A pickle is a name, not what is in it: to save that, dump a [built-in"
            " copy](dicts.md#built-in-copies-json-files). To share, keep the sender until the other program has loaded"
            " something, or use a name, `comem.open('myapp')`.",
            shown="pickle.loads(data)    # of a program that has ended",
        ),
        Case(
            "import pickle\ncomem.handle_grace = 0\ndata = pickle.dumps(comem.List())\n"
            "for _ in range(3): pickle.dumps(comem.List())\npickle.loads(data)",
            "comem.GoneError",
            "the object is no longer there: nobody held it when its name was loaded, and a pickle keeps it for a time"
            " only (comem.handle_grace)",
            "Hold the object until it has arrived, or raise `comem.handle_grace`.",
            shown="pickle.loads(data)    # more than a minute after pickle.dumps(comem.List())",
            script=True,
        ),
        Case(
            "import multiprocessing, os, sys\nprogram = os.path.abspath(__file__) + '.sh'\ndef work():\n   "
            " comem.List()\nif __name__ == '__main__':\n    with open(program, 'w') as file:\n       "
            " file.write(f'#!/bin/sh\\nulimit -v 20000000\\nexec {sys.executable} \"$@\"\\n')\n    os.chmod(program,"
            " 0o755)\n    multiprocessing.set_executable(program)\n"
            + SPAWN,
            "comem.GoneError",
            "this process could not join its program's store: cannot map … bytes of address space: Cannot allocate"
            " memory (ulimit -v of this process)",
            "Give children the limits that their parent has.",
            shown="comem.List()    # in a child that has less room than its parent, by ulimit -v",
            script=True,
        ),
        Case(
            "import pickle\ncomem.handle_grace = 'long'\npickle.dumps(comem.List())",
            "TypeError",
            "comem.handle_grace is a number of seconds, not below 0, and not 'long'",
            "`comem.handle_grace = 600`.",
            script=True,
        ),
    ],
)

MANAGERS = Group(
    "A manager or what it made",
    "",
    [
        Case(
            "with comem.Manager() as manager: shared = manager.list()\nshared.append(1)",
            "comem.GoneError",
            "the object was shut down with its manager, by shutdown() or the end of a with block",
            "Use it inside the block; or make a `comem.List()`, which needs no manager.",
        ),
        Case(
            "manager = comem.Manager()\nmanager.shutdown()\nmanager.list()",
            "comem.GoneError",
            "the manager was shut down: comem.Manager() makes another one",
            "As it says.",
        ),
        Case(
            "manager = comem.Manager()\nmanager.start()",
            "multiprocessing.context.ProcessError",
            "Already started server",
            "`comem.Manager()` is started; `comem.managers.SyncManager()` is not.",
        ),
        Case(
            "comem.managers.SyncManager().list()",
            "multiprocessing.context.ProcessError",
            "server not yet started",
            "`comem.Manager()`, or `with comem.managers.SyncManager() as manager:`.",
        ),
        Case(
            "comem.managers.ListProxy([1])",
            "TypeError",
            "cannot create 'comem.managers.ListProxy' instances: a manager's list() makes them",
            "`comem.Manager().list([1])`; `comem.List([1])`.",
        ),
    ],
)

STORES = Group(
    "comem.open refuses",
    "[stores.md](stores.md) says what a store by name is.",
    [
        Case(
            "comem.open('myapp', create=False)",
            "FileNotFoundError",
            "[Errno 2] /dev/shm/comem-…-myapp: there is no such store",
            "Nobody has made it, or it was removed: `comem ls` lists what there is. Leave `create=False` out to"
            " make it.",
        ),
        Case(
            "comem.open('no/such/folder/myapp')",
            "FileNotFoundError",
            "[Errno 2] …/no/such/folder/myapp: there is no such folder",
            "A name with a slash is a path; without one the store is in memory.",
        ),
        Case(
            "import os\ncomem.open('myapp')\nos.chmod(f'/dev/shm/comem-{os.geteuid()}-myapp', 0o644)\n"
            "comem.open('myapp').close()\ncomem.open('myapp').close()\ncomem.unlink('myapp')",
            "PermissionError",
            "[Errno 13] /dev/shm/comem-…-myapp: others than its owner may use the store; chmod 600 takes that from"
            " them",
            "As it says. A store is one user's alone.",
            shown="comem.open('myapp')    # after chmod 644",
        ),
        Case(
            "comem.open('/etc/passwd')",
            "OSError",
            "[Errno 95] /etc/passwd: this is no comem store",
            "The path is another file's, which stays as it is.",
        ),
        Case("comem.open('/tmp')", "OSError", "[Errno 95] /tmp: this is a folder, no store", "Add the file's name."),
        Case(
            "comem.open('.myapp')",
            "ValueError",
            "a store's name does not begin with a '.'; a path has a '/' in it",
            "`comem.open('./myapp')` is a file in the current folder.",
        ),
        Case(
            "comem.open(b'myapp')", "TypeError", "a store's name is a str or a path of str, not 'bytes'", "As it says."
        ),
        Case(
            "comem.open('myapp', size_limit='1G')",
            "TypeError",
            "size_limit takes bytes as an int, 1 << 20 say, not '1G'",
            "`size_limit=1 << 30`.",
        ),
        Case(
            "comem.open('myapp', size_limit=1000)",
            "ValueError",
            "a store's size limit of 1000 bytes is below 1 MiB",
            "It takes memory only as it fills.",
        ),
        Case(
            "store = comem.open('myapp')\nstore.list('jobs')\nstore.dict('jobs')",
            "TypeError",
            "the root 'jobs' is a list, and was asked for as a dict",
            "Another program uses the name otherwise: choose another, or `del store['jobs']`.",
        ),
        Case("comem.open('myapp')['jobs']", "KeyError", "'jobs'", "`store.list('jobs')` makes it if it is not there."),
        Case(
            "store = comem.open('myapp')\nstore['jobs'] = []",
            "TypeError",
            "a root is not assigned to: store.var('jobs', initial) makes one",
            "As it says.",
        ),
        Case("5 in comem.open('myapp')", "TypeError", "a root's name is a str, not 'int'", "`'five' in store`."),
        Case(
            "store = comem.open('myapp')\nstore.close()\nstore.list('jobs')",
            "comem.GoneError",
            "the store 'myapp' was closed in this process; comem.open() opens it again",
            "As it says.",
        ),
        Case(
            "with comem.open('myapp') as store: jobs = store.list('jobs')\njobs.append(1)",
            "comem.GoneError",
            "the store was closed in this process: open it again, and take its objects from there",
            "Use it inside the block; or leave the store open, as the process's end closes it.",
        ),
    ],
)

ROOM = Group(
    "The store is full",
    "Everything stays as it was before the call. [limits.md](limits.md) has the figures.",
    [
        Case(
            "shared = comem.List()\nfor number in range(10000): shared.append('x' * 1000)",
            "MemoryError",
            "the store is full: … bytes more do not fit, it has … and may have 1048576 (its size limit, see "
            "COMEM_SIZE_LIMIT)",
            "Start the program with `COMEM_SIZE_LIMIT=8G`; without it a store may take half of the memory. `comem stat "
            "pid:N` shows what fills it.",
            shown="shared.append('x' * 1000)    # 10000 times, with COMEM_SIZE_LIMIT=1M",
            script=True,
            environment={"COMEM_SIZE_LIMIT": "1M"},
        ),
        Case(
            "comem.List()",
            "ValueError",
            "COMEM_SIZE_LIMIT is 'lots', not a number of bytes such as 500M or 4G",
            "As it says.",
            shown="comem.List()    # with COMEM_SIZE_LIMIT=lots",
            script=True,
            environment={"COMEM_SIZE_LIMIT": "lots"},
        ),
        Case(
            "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\ncomem.List()",
            "MemoryError",
            "this process's limits of address space and file size (ulimit -v, -f) leave no room for a store: it needs"
            " some MiB of each",
            "`ulimit -v unlimited; ulimit -f unlimited`; of a batch system, ask for more.",
            shown="comem.List()    # under ulimit -f 1",
            script=True,
        ),
    ],
)

DAMAGE = Group(
    "A store is damaged",
    "comem reads nothing unchecked, so damage is an error and no crash. `comem check NAME` says what is wrong, `comem"
    " check --repair NAME` makes right what can be ([tools.md](tools.md)).",
    [
        Case(
            "import os\ncomem.open('myapp').close()\nos.truncate(f'/dev/shm/comem-{os.geteuid()}-myapp', 8192)\n"
            "comem.open('myapp')",
            "comem.DamagedError",
            "…/dev/shm/comem-…-myapp: the store is cut short: not even its header is whole",
            "It cannot be repaired: `comem.unlink('myapp')`, and fill it again or import a copy.",
            shown="comem.open('myapp')    # after the file was cut short",
        ),
        Case(
            "import os, shutil\nstore = comem.open('myapp')\nstore.list('jobs')\n"
            "shutil.copy(f'/dev/shm/comem-{os.geteuid()}-myapp', f'/dev/shm/comem-{os.geteuid()}-myapp-copy')\n"
            "os.chmod(f'/dev/shm/comem-{os.geteuid()}-myapp-copy', 0o600)\ncomem.open('myapp-copy')",
            "comem.DamagedError",
            "/dev/shm/comem-…-myapp-copy: the store was in use when the machine stopped, or is a copy of one in use;"
            " look after it with `comem check --repair …-copy`",
            "As it says. `comem export` copies a store in use.",
            shown="comem.open('copy')    # of a file that was in use",
        ),
    ],
)

TOGETHER = Group(
    "While others change it",
    "",
    [
        Case(
            "table = comem.Dict(a=1)\nfor key in table: table[key + 'x'] = 1",
            "RuntimeError",
            "dictionary changed size during iteration",
            "As with the built-in type, and only for changes by this process; `for key in table.copy()` loops over a"
            " copy.",
        ),
        Case(
            "numbers = comem.List([2, 1])\ndef key(number):\n    numbers.append(0)\n    return"
            " number\nnumbers.sort(key=key)",
            "ValueError",
            "list modified during sort",
            "Another process, or the key function, changed the list meanwhile: sort again, or `sorted(numbers,"
            " key=key)`.",
            shown="numbers.sort(key=key)",
        ),
        Case(
            "class Word(str):\n    def __eq__(self, other):\n        words[0] = 'new'\n        return True\n"
            "words = comem.List(['a'])\nwords.remove(Word('b'))",
            "RuntimeError",
            "the list was another one in each of 10000 tries to look through it: comparing its items must not"
            " change it",
            "As it says.",
            shown="words.remove(word)    # where word.__eq__() changes words",
        ),
        Case(
            "counts = comem.Dict(a=1)\ndef change(value):\n    counts['a'] = value + 1\n    return value\n"
            "counts.update_if('a', change)",
            "RuntimeError",
            "the value was another one in each of 10000 tries to change it: what computes the new one must not store"
            " one itself",
            "Let the function return the new value, and do nothing else: it may run several times.",
            shown="counts.update_if('a', change)    # where change() stores counts['a']",
        ),
    ],
)

GROUPS = [
    LIKE_BUILT_IN,
    BUILT_IN_ONLY,
    ABSENT,
    VALUES,
    KEYS,
    NUMBERS,
    GLOBALS,
    PROCESSES,
    MANAGERS,
    STORES,
    ROOM,
    DAMAGE,
    TOGETHER,
]
