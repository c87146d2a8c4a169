#!/bin/sh
# Keeps an environment of the interpreter PYTHON (python3) in the folder VENV (.venv), with comem in it as pip installs it
# and with the packages that the arguments name: those after --maybe only where there are wheels of them. Does only what is
# missing or out of date.
#
#   venv.sh [PACKAGE...] [--maybe PACKAGE...]
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh
: "${PYTHON:=python3}" "${VENV:=.venv}"
case $VENV in .venv) compiled=build/python ;; *) compiled=$VENV.compiled ;; esac
log=build/log/$(basename "$VENV")

made_with=$("$PYTHON" -c 'import sys; print(sys.executable, sys.version)')
if [ "$(cat "$VENV/made-with" 2>/dev/null)" != "$made_with" ]; then
    say "making $VENV with Python $("$PYTHON" -c 'import platform; print(platform.python_version())')"
    rm -rf "$VENV" "$compiled"
    quietly "$log" "$PYTHON" -m venv "$VENV" || fail "$PYTHON could not make $VENV."
    echo "$made_with" >"$VENV/made-with"
fi
PATH=$PWD/$VENV/bin:$PATH
export PIP_DISABLE_PIP_VERSION_CHECK=1

lacking=
wanted=
add() { lacking="$lacking $1"; }
for package in meson-python "$@"; do
    case $package in
    --maybe) add() { wanted="$wanted $1"; } ;;
    *) [ -e "$VENV/has-$package" ] || add "$package" ;;
    esac
done
if [ -n "$lacking" ]; then
    say "installing$lacking into $VENV (pip)"
    quietly "$log-pip" "$VENV/bin/pip" install $lacking || fail "pip could not install:$lacking"
    for package in $lacking; do touch "$VENV/has-$package"; done
fi
for package in $wanted; do
    say "installing $package into $VENV (pip)"
    "$VENV/bin/pip" install --only-binary :all: "$package" >"$log-$package" 2>&1 ||
        say "no wheel of $package for this Python: what needs it is skipped"
    touch "$VENV/has-$package"
done

# Without isolation: pip's build then has a folder that lasts, and compiles only what changed.
newer=$(find pyproject.toml meson.build meson_options.txt include src cli python -newer "$VENV/has-comem" 2>/dev/null |
    grep -v __pycache__ || true)
if [ ! -e "$VENV/has-comem" ] || [ -n "$newer" ]; then
    say "compiling and installing the Python package into $VENV (pip install .)"
    touch "$VENV/started"
    quietly "$log-comem" "$VENV/bin/pip" install --no-build-isolation --no-deps --force-reinstall \
        --config-settings=build-dir="$compiled" . || fail 'pip could not install comem.'
    mv "$VENV/started" "$VENV/has-comem"
fi
