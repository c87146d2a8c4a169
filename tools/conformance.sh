#!/bin/sh
# Runs CPython's own tests on comem (tests/conformance/) with each Python that pythons.sh finds, or with PYTHON alone. One
# that has no such tests and cannot get them is skipped; when all are, that is an error.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

ran=0 failed=
for python in $(tools/pythons.sh --list); do
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    export PYTHON="$python" VENV="build/python-$version"
    if ! tools/bootstrap.sh conformance; then
        say "skipping $python"
        continue
    fi
    tools/venv.sh
    printf '\n%s\n' "$("$VENV/bin/python" -VV)"
    ran=$((ran + 1))
    "$VENV/bin/python" tests/conformance/conformance.py || failed="$failed $version"
    "$VENV/bin/python" -m comem tests/conformance/managers.py || failed="$failed $version"
done
[ $ran != 0 ] || fail 'no Python was found that has tests of its own: nothing ran.'
[ -z "$failed" ] || fail "tests fail, or pass against tests/conformance/cannot.py, with Python$failed"
