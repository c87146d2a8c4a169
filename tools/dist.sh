#!/bin/sh
# Makes the source archive and the wheel of what is committed, in dist/, and looks whether they are whole: the wheel needs
# no library but glibc and works in an empty environment; the archive, unpacked, can be installed and passes its tests.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh
: "${PYTHON:=python3}"
export PIP_DISABLE_PIP_VERSION_CHECK=1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# environment NAME PACKAGE...: an empty one with these packages in it.
environment() {
    environment=$work/$1
    shift
    quietly build/log/dist-pip "$PYTHON" -m venv "$environment" || fail "$PYTHON could not make an environment."
    quietly build/log/dist-pip "$environment/bin/pip" install "$@" || fail "pip could not install: $*"
}

rm -rf dist
say 'making dist/ (python -m build)'
environment tools build auditwheel
quietly build/log/dist-build "$work/tools/bin/python" -m build || fail 'the archives could not be made.'

say 'the wheel: what it is linked with, and in an empty environment'
quietly build/log/dist-auditwheel "$work/tools/bin/auditwheel" show dist/*.whl
tr '\n' ' ' <build/log/dist-auditwheel | grep -q 'consistent with the following platform tag: "manylinux' ||
    fail "the wheel needs more than glibc: $(cat build/log/dist-auditwheel)"
environment wheel dist/*.whl
[ "$("$work/wheel/bin/comem" --version)" = "comem $("$work/wheel/bin/python" -c 'import comem; print(comem.__version__)')" ]
"$work/wheel/bin/python" -m comem.cli --version >/dev/null

say 'the source archive, unpacked: pip install, and the tests; the output is in build/log/dist-tests'
tar -C "$work" -xzf dist/*.tar.gz
environment source "$work"/comem-*/ pytest
for package in hypothesis numpy; do
    "$work/source/bin/pip" install -q --only-binary :all: "$package" || say "no wheel of $package for this Python"
done
quietly build/log/dist-tests sh -c 'cd "$1"/comem-* && "$1/source/bin/python" -m pytest' - "$work"
tail -n 1 build/log/dist-tests
ls -l dist
