#!/bin/sh
# Keeps .venv: an environment of the interpreter PYTHON (python3) with comem in it as pip installs it, and with the
# packages that the arguments name. Does only what is missing or out of date.
#
#   venv.sh [PACKAGE...]
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh
: "${PYTHON:=python3}"

made_with=$("$PYTHON" -c 'import sys; print(sys.executable, sys.version)')
if [ "$(cat .venv/made-with 2>/dev/null)" != "$made_with" ]; then
    say "making .venv with Python $("$PYTHON" -c 'import platform; print(platform.python_version())')"
    rm -rf .venv build/python
    quietly build/log/venv "$PYTHON" -m venv .venv || fail "$PYTHON could not make .venv."
    echo "$made_with" >.venv/made-with
fi
PATH=$PWD/.venv/bin:$PATH
export PIP_DISABLE_PIP_VERSION_CHECK=1

lacking=
for package in meson-python "$@"; do
    [ -e ".venv/has-$package" ] || lacking="$lacking $package"
done
if [ -n "$lacking" ]; then
    say "installing$lacking into .venv (pip)"
    quietly build/log/pip .venv/bin/pip install $lacking || fail "pip could not install:$lacking"
    for package in $lacking; do touch ".venv/has-$package"; done
fi

# Without isolation: pip's build then has a folder that lasts, and compiles only what changed.
newer=$(find pyproject.toml meson.build meson_options.txt include src cli python -newer .venv/has-comem 2>/dev/null |
    grep -v __pycache__ || true)
if [ ! -e .venv/has-comem ] || [ -n "$newer" ]; then
    say 'compiling and installing the Python package into .venv (pip install .)'
    touch .venv/started
    quietly build/log/pip-comem .venv/bin/pip install --no-build-isolation --no-deps --force-reinstall \
        --config-settings=build-dir=build/python . || fail 'pip could not install comem.'
    mv .venv/started .venv/has-comem
fi
