"""What is installed is the package alone, all in one piece, and knows its version."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys

import pytest

import comem
from comem import _engine

DISTRIBUTION = importlib.metadata.distribution("comem")


def test_the_version_is_that_of_the_header():
    with open(os.path.join(comem.get_include(), "comem.h")) as stream:
        (version,) = re.findall(r'^#define COMEM_VERSION "(.*)"$', stream.read(), re.MULTILINE)
    assert comem.__version__ == DISTRIBUTION.version == version


def test_nothing_but_the_package_and_the_command_is_installed():
    files = [str(file) for file in DISTRIBUTION.files]
    outside = [file for file in files if not re.match(r"comem/|comem-[\d.]+\.dist-info/", file)]
    assert [os.path.basename(file) for file in outside] == ["comem"]
    kinds = {os.path.splitext(file)[1] for file in files if file.startswith("comem/")} - {".pyc"}
    assert kinds == {".py", ".pyi", ".typed", ".so", ".h"}
    assert "comem/py.typed" in files and "comem/include/comem.h" in files


def test_the_license_of_what_is_inside_comes_along():
    (text,) = [file.read_text() for file in DISTRIBUTION.files if file.name == "LICENSE"]
    assert "Yann Collet" in text


@pytest.mark.skipif(shutil.which("readelf") is None, reason="no readelf")
def test_the_extension_needs_no_library_but_glibc():
    shown = subprocess.run(["readelf", "-d", _engine.__file__], stdout=subprocess.PIPE, universal_newlines=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", shown)
    assert needed and {*needed} <= {"libc.so.6", "libpthread.so.0", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
    assert "RPATH" not in shown and "RUNPATH" not in shown


@pytest.mark.skipif(shutil.which("nm") is None, reason="no nm")
def test_the_extension_shows_its_entry_alone():
    """Another engine in the process, a libcomem, must keep its own names."""
    names = subprocess.run(["nm", "-D", "--defined-only", _engine.__file__], stdout=subprocess.PIPE).stdout.split()
    assert names[2::3] == [b"PyInit__engine"]


def test_the_command_is_there():
    command = os.path.join(os.path.dirname(sys.executable), "comem")
    done = subprocess.run([command, "--version"], stdout=subprocess.PIPE, universal_newlines=True)
    assert done.stdout == f"comem {comem.__version__}\n"


@pytest.mark.parametrize("answer", ["return None", "raise ValueError", "raise OSError"])
def test_elsewhere_than_with_glibc_one_sentence_says_so(run_script, answer):
    done = run_script(
        f"""
        import os
        def confstr(name):
            {answer}
        os.confstr = confstr
        import comem
        """
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ImportError: comem runs on Linux with glibc only"
