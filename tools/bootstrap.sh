#!/bin/sh
# Installs what a make target needs and this machine lacks: by apt-get where there is one, as root or through sudo.
# Where it cannot, one sentence names the packages.
#
#   bootstrap.sh run|test|conformance|bench|peers|docs|lint|asan|crash|fuzz|models
#
# PYTHON names the interpreter (python3), CC the compiler (cc).
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh
: "${PYTHON:=python3}" "${CC:=cc}"

# need PACKAGE COMMAND...: the package is missing unless the command, which looks for what is in it, succeeds.
need() {
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
has() { command -v "$1"; }
header() { printf '#include <%s>\n' "$@" | $CC -E -x c -; }
fuzzer() { echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | clang -fsanitize=fuzzer -x c - -o /dev/null; }
python() { "$PYTHON" -c "$1"; }

# Of both libraries only headers are used. msgpack-c has its present name from trixie on.
engine() {
    if apt-cache show libmsgpack-c-dev >/dev/null 2>&1; then msgpack=libmsgpack-c-dev; else msgpack=libmsgpack-dev; fi
    need "$msgpack" header msgpack/pack.h msgpack/unpack.h
    need libxxhash-dev header xxhash.h
}

c() {
    need gcc has "${CC%% *}"
    need libc6-dev header stdio.h
    need pkgconf has pkg-config
    need meson has meson
    need ninja-build has ninja
}

# A system's interpreter has its headers and venv in packages of its version; with any other they come, or nothing helps.
interpreter() {
    if ! has "$PYTHON" >/dev/null; then
        case $PYTHON in
        python3 | python3.[0-9]*) missing="$missing $PYTHON $PYTHON-dev $PYTHON-venv" ;;
        *) fail "there is no interpreter $PYTHON; set PYTHON to another." ;;
        esac
        return
    fi
    python 'pass' || fail "$PYTHON does not run; set PYTHON to another."
    python 'import sys; sys.exit(sys.version_info < (3, 9))' || fail "$PYTHON is older than Python 3.9; set PYTHON to another."
    version=$(python 'import sys; print("%d.%d" % sys.version_info[:2])')
    lacking=$missing
    need "python$version-dev" python 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))'
    need "python$version-venv" python 'import ensurepip, venv'
    [ "$missing" = "$lacking" ] || of_the_system || fail "$PYTHON comes without its headers or the module venv; set PYTHON to another."
}
of_the_system() { python 'import sys; sys.exit(sys.base_prefix != "/usr")'; }

# CPython's own tests, which are run on comem. They are a package of the system's interpreter; another one has them, or not.
own_tests() {
    if ! has "$PYTHON" >/dev/null || python 'import test.list_tests, test.mapping_tests, test.seq_tests' 2>/dev/null; then
        return
    fi
    ! of_the_system || missing="$missing libpython$version-testsuite"
    of_the_system || [ "$1" = test ] || fail "$PYTHON comes without CPython's own tests (its package test)."
}

look() {
    missing=
    c
    case $1 in models) ;; *) engine ;; esac
    case $1 in run | test | conformance | bench | docs | lint | crash | models) interpreter ;; esac
    case $1 in test | conformance) own_tests "$1" ;; esac
    case $1 in test | lint | asan | crash | fuzz) need libcmocka-dev header stdarg.h stddef.h setjmp.h stdint.h cmocka.h ;; esac
    case $1 in bench | lint) need liblmdb-dev header lmdb.h ;; esac
    case $1 in peers) need redis-tools has redis-check-rdb ;; esac
    case $1 in test | models) need spin has spin ;; esac
    case $1 in lint | crash | fuzz) need clang has clang ;; esac
    case $1 in fuzz) ! has clang >/dev/null || need "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev" fuzzer ;; esac
    case $1 in
    lint)
        need clang-format has clang-format
        need clang-tidy has clang-tidy
        need g++ has g++
        need gcc-aarch64-linux-gnu has aarch64-linux-gnu-gcc
        need libc6-dev-arm64-cross test -e /usr/aarch64-linux-gnu/include/stdio.h
        ;;
    esac
}

look "$1"
[ -n "$missing" ] || exit 0
has apt-get >/dev/null || fail "these packages are missing here, by Debian's names; install them and try again:$missing"
as_root=
if [ "$(id -u)" != 0 ]; then
    as_root=sudo
    has sudo >/dev/null && { [ -t 0 ] || sudo -n true; } 2>/dev/null ||
        fail "these packages are missing and only root can install them; run: apt-get install$missing"
fi
install_missing() {
    say "installing$missing (apt-get)"
    quietly build/log/apt-install $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends $missing || fail "apt-get could not install:$missing"
    look "$1"
}
quietly build/log/apt-update $as_root apt-get update -q || say 'apt-get update failed; trying with the lists that are there'
look "$1" # names may be known only now
install_missing "$1"
[ -z "$missing" ] || install_missing "$1" # clang says of which version its fuzzer must be
[ -z "$missing" ] || fail "these packages are installed and yet not to be found:$missing"
