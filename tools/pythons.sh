#!/bin/sh
# Runs a command with every Python: in an environment of its own each, build/python-3.9 for one, which tools/venv.sh
# keeps. A table at the end has each one's outcome and the last line of its output, which is in build/log.
#
#   pythons.sh NAME 'PACKAGE...' COMMAND...     COMMAND finds that Python as python, and its folder as VENV
#   pythons.sh --list                           the interpreters, a line each
#
# PYTHON names one interpreter to take. Otherwise it is one of each version from 3.9 on: python3.X of PATH, or else of
# pyenv's versions.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

# The interpreter's own path, if it is one that comem can be built for; pyenv's shims fail where none is chosen.
usable() {
    "$1" -c 'import sys, sysconfig
if sys.implementation.name != "cpython" or sys.version_info < (3, 9) or sysconfig.get_config_var("Py_GIL_DISABLED"):
    sys.exit(1)
print(sys.executable)' 2>/dev/null
}

find_all() {
    if [ -n "${PYTHON:-}" ]; then
        usable "$PYTHON" || fail "$PYTHON is no CPython that comem supports: 3.9 or later, with the GIL."
        return
    fi
    minor=9
    while [ "$minor" -lt 40 ]; do
        for python in "python3.$minor" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/"python3.$minor"; do
            ! usable "$python" || break
        done
        minor=$((minor + 1))
    done
}

[ "${1:-}" != --list ] || { find_all; exit; }
name=$1 packages=$2
shift 2
mkdir -p build/log
table=build/log/$name
: >"$table"
status=0
pythons=$(find_all)
for python in $pythons; do
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    export VENV="build/python-$version"
    log=build/log/$name-$version
    outcome=failed
    if ! PYTHON=$python tools/bootstrap.sh run || ! PYTHON=$python tools/venv.sh $packages; then
        echo 'comem could not be installed' >"$log"
    else
        say "$name with Python $version: the output is in $log"
        PATH=$PWD/$VENV/bin:$PATH "$@" >"$log" 2>&1 && outcome=passed || tail -n 40 "$log"
    fi
    [ "$outcome" = passed ] || status=1
    printf '%-6s%-8s%s\n' "$version" "$outcome" "$(tail -n 1 "$log")" >>"$table"
done
[ -s "$table" ] || fail 'there is no Python from 3.9 on here.'
cat "$table"
exit "$status"
