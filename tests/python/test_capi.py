"""Extension modules in C reach the engine of their process: comem_python.h, comem._C_API, get_include()."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import weakref

import pytest

import comem
from comem.managers import ListProxy

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLE = os.path.join(HERE, "..", "..", "examples", "extension.c")
COMPILER = os.environ.get("CC", "cc")
PYTHON_INCLUDE = sysconfig.get_path("include")

pytestmark = [
    pytest.mark.skipif(shutil.which(COMPILER.split()[0]) is None, reason="no C compiler"),
    pytest.mark.skipif(not os.path.exists(os.path.join(PYTHON_INCLUDE, "Python.h")), reason="no headers of Python"),
]


def compile_module(source, folder, *options, include=None, compiler=COMPILER):
    """Compiles a module into the folder, with the headers of the installed comem."""
    name = os.path.splitext(os.path.basename(source))[0]
    done = subprocess.run(
        [*compiler.split(), *options, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", source]
        + ["-o", os.path.join(folder, f"{name}.so"), f"-I{include or comem.get_include()}", "-isystem", PYTHON_INCLUDE],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def capi(tmp_path_factory):
    """The module made of capi.c, imported here."""
    folder = str(tmp_path_factory.mktemp("capi"))
    compile_module(os.path.join(HERE, "capi.c"), folder)
    sys.path.insert(0, folder)
    try:
        import capi
    finally:
        sys.path.remove(folder)
    return capi


def test_the_headers_are_where_get_include_says():
    assert {"comem.h", "comem_python.h"} <= set(os.listdir(comem.get_include()))


def test_of_an_editable_install_the_headers_are_the_checkouts(monkeypatch):
    root = os.path.dirname(os.path.dirname(HERE))
    monkeypatch.setattr(comem, "__file__", os.path.join(root, "python", "comem", "__init__.py"))
    assert comem.get_include() == os.path.join(root, "include")
    assert {"comem.h", "comem_python.h"} <= set(os.listdir(comem.get_include()))


def test_the_table_has_every_function_of_the_header():
    """A function that comem.h declares and the table lacks would be an undefined name when a module is loaded."""

    def names(pattern, header):
        with open(os.path.join(comem.get_include(), header)) as stream:
            return re.findall(pattern, stream.read(), re.MULTILINE)

    declared = names(r"^COMEM_API [^;(]*?\b(comem_\w+)\(", "comem.h") + names(
        r"^\w+ \*(comem_python_\w+)\(", "comem_python.h"
    )
    assert "comem_list_append" in declared and "comem_python_list" in declared
    assert names(r"F\((comem_\w+)\)", "comem_python.h") == declared
    assert names(r"^#define (comem_\w+) comem_python->\1_$", "comem_python.h") == declared


def test_a_module_changes_the_lists_of_its_process(capi, fork):
    shared = comem.List([1])
    capi.append(shared, 2, True)
    child = fork.Process(target=capi.append, args=[shared, 3, True])
    child.start()
    child.join()
    assert shared == [1, 2, 3]


def test_a_module_changes_dicts_and_variables(capi):
    counts, total = comem.Dict(a=1), comem.Value("q", 4)
    assert (capi.add_to_dict(counts, "a"), capi.add_to_dict(counts, "b"), capi.add_to_variable(total)) == (2, 1, 5)
    assert counts == {"a": 2, "b": 1} and total.value == 5


def test_managers_objects_and_subclasses_are_taken(capi):
    class Own(comem.List):
        pass

    with comem.Manager() as manager:
        for shared in (manager.list(), Own()):
            capi.append(shared, 1, True)
            assert list(shared) == [1]
        assert capi.add_to_dict(manager.dict(), "a") == 1
        assert capi.add_to_variable(manager.Value("i", 1)) == 2


def test_a_global_that_was_never_used_is_found(capi, script_passes, tmp_path):
    """Before there is a store it is of no kind yet, and has no handle."""
    shutil.copy(capi.__file__, tmp_path)
    text = """
        import comem, capi
        words, total = comem.var("words", []), comem.var("total", 0)
        capi.append(words, 1, True)
        print(words, capi.add_to_variable(total))
        try:
            capi.append(comem.var("table", {}), 1, True)
        except TypeError as error:
            print(error)
    """
    expected = "List([1]) 1\na shared list of comem's is needed, not an object of type 'comem.Dict'\n"
    assert script_passes(text) == expected


def test_without_the_interpreters_lock_threads_append_side_by_side(capi):
    shared = comem.List()

    def work():
        for number in range(20000):
            capi.append(shared, number, False)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(shared) == sorted([*range(20000)] * 3)


class Pretender:
    __class__ = comem.List


@pytest.mark.parametrize("object", [[], None, 5, {}, comem.Dict(), comem.List, Pretender(), weakref.proxy(comem.List)])
def test_what_is_no_shared_list_is_refused(capi, object):
    with pytest.raises(TypeError, match="a shared list of comem's is needed, not an object of type"):
        capi.append(object, 1, True)


def test_a_proxy_that_multiprocessing_made_is_refused(capi):
    import multiprocessing.managers

    proxy = multiprocessing.managers.ListProxy.__new__(multiprocessing.managers.ListProxy)
    with pytest.raises(TypeError, match="needed, not an object of type 'ListProxy'"):
        capi.append(proxy, 1, True)


def test_an_object_that_is_gone_raises_as_in_python(capi):
    with comem.Manager() as manager:
        shared = manager.list([1])
    with pytest.raises(comem.GoneError) as of_python:
        shared.append(1)
    with pytest.raises(comem.GoneError) as of_c:
        capi.append(shared, 1, True)
    assert str(of_c.value) == str(of_python.value)


def test_an_object_of_a_handle_is_the_same_list(capi):
    with comem.Manager() as manager:
        shared = manager.list([1])
        other = capi.again(shared)
        assert type(other) is ListProxy and other is not shared and hash(other) == hash(shared)
        del shared
        other.append(2)
        assert list(other) == [1, 2]


def test_what_c_made_lives_as_long_as_its_object(capi):
    """The handle that C gave back was not the object's own."""
    table = capi.made()
    table["a"] = 1
    assert type(table) is comem.Dict and table == {"a": 1}


def test_only_references_become_objects(capi):
    with pytest.raises(TypeError, match="takes a reference"):
        capi.no_object()


@pytest.mark.parametrize(
    "name, exception",
    [
        ("OK", SystemError),
        ("NO_MEMORY", MemoryError),
        ("OUT_OF_RANGE", IndexError),
        ("NOT_FOUND", KeyError),
        ("TYPE", TypeError),
        ("INVALID", ValueError),
        ("GONE", comem.GoneError),
        ("BUSY", RuntimeError),
        ("DAMAGED", comem.DamagedError),
        ("UNSUPPORTED", OSError),
        ("SYSTEM", OSError),
        ("DENIED", PermissionError),
    ],
)
def test_each_status_has_its_exception(capi, name, exception):
    with open(os.path.join(comem.get_include(), "comem.h")) as stream:
        statuses = re.findall(r"^    COMEM_(\w+)\b.*$", stream.read().partition("enum comem_status {")[2], re.MULTILINE)
    with pytest.raises(exception) as raised:
        capi.fail(statuses.index(name))
    assert type(raised.value) is exception and str(raised.value)


# ---- another comem than the one that a module was compiled for -------------------------------------------------------


@pytest.fixture
def with_header(tmp_path, run_script):
    """Runs a script with capi made of a changed comem_python.h."""

    def run(change, text="import capi, comem; shared = comem.List(); capi.append(shared, 1, True); print(shared)"):
        include = tmp_path / "include"
        shutil.copytree(comem.get_include(), include)
        header = include / "comem_python.h"
        changed = change(header.read_text())
        assert changed != header.read_text()
        header.write_text(changed)
        compile_module(os.path.join(HERE, "capi.c"), str(tmp_path), include=str(include))
        return run_script(text)

    return run


def test_a_module_of_another_abi_is_refused(with_header):
    done = with_header(lambda text: text.replace("COMEM_PYTHON_ABI 1", "COMEM_PYTHON_ABI 2"))
    assert done.returncode == 1
    assert f"and here is comem {comem.__version__}, which differs: compile it again with" in done.stderr


def test_a_module_that_knows_more_functions_is_refused(with_header):
    done = with_header(lambda text: re.sub(r"(_FUNCTIONS\(COMEM_PYTHON_MEMBER\))", r"\1 void *later;", text))
    assert done.returncode == 1
    assert "ImportError: this module was compiled with the headers of comem" in done.stderr


def test_a_module_that_knows_fewer_functions_works(with_header):
    def without_the_last(text):
        return text.replace(" F(comem_python_raise)\n", "\n").replace(
            "#define comem_python_raise comem_python->comem_python_raise_",
            "#define comem_python_raise(status) ((void)(status), PyErr_NoMemory())",
        )

    done = with_header(without_the_last)
    assert (done.stdout, done.stderr) == ("List([1])\n", "")


def test_without_comem_a_module_is_not_imported(capi):
    folder = os.path.dirname(capi.__file__)
    script = f"import sys; sys.path[:0] = [{folder!r}]; sys.modules['comem'] = None; import capi"
    done = subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, universal_newlines=True)
    assert done.returncode == 1 and "ModuleNotFoundError: import of comem halted" in done.stderr


# ---- as people use it ------------------------------------------------------------------------------------------------


def test_the_example_works(tmp_path, script_passes):
    compile_module(EXAMPLE, str(tmp_path))
    text = """
        import comem, extension
        squares = comem.List(["none"])
        extension.append_squares(squares, 5)
        print(squares, extension.total(squares))
        try:
            extension.total([1])
        except TypeError as error:
            print(error)
    """
    assert script_passes(text) == (
        "List(['none', 0, 1, 4, 9, 16]) 30\na shared list of comem's is needed, not an object of type 'list'\n"
    )


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
def test_the_header_is_cpp_too(tmp_path, script_passes):
    source = tmp_path / "capi.cc"
    source.write_text(
        '#include "comem_python.h"\n'
        "static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, \"capi\", nullptr, -1, nullptr, nullptr, "
        "nullptr, nullptr, nullptr};\n"
        "PyMODINIT_FUNC PyInit_capi(void)\n"
        "{\n"
        "    return comem_import() < 0 ? nullptr : PyModule_Create2(&definition, PYTHON_API_VERSION);\n"
        "}\n"
    )
    compile_module(str(source), str(tmp_path), "-Wno-unused-function", compiler="c++")
    assert script_passes("import capi") == ""
