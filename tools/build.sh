#!/bin/sh
# Compiles build/NAME, set up by meson with that name's options; compiles again only what changed.
#
#   build.sh release|bench|debug|asan|clang|step|step-clang|fuzz|arm64
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

targets=
case $1 in
release) options='' ;;
bench) options='-Dbench=true' ;;
debug) options='-Dtests=true --buildtype=debugoptimized' ;;
asan) options='-Dtests=true --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false' ;;
clang) options='-Dtests=true -Dbench=true -Dpython=true --buildtype=debugoptimized --native-file build/clang.ini' ;;
# The engine as it is shipped and one test of it; the others are built in debug.
step) options='-Dtests=true' targets=tests/crash/step ;;
step-clang) options='-Dtests=true --native-file build/clang.ini' targets=tests/crash/step ;;
fuzz) options='-Dtests=true --buildtype=debugoptimized --native-file build/clang.ini' targets='tests/crash/fuzz tests/crash/fuzz_import tests/fuzz/fuzz_damage' ;;
arm64) options='--cross-file tools/arm64.ini' ;;
*) fail "build.sh knows no $1" ;;
esac
# Warnings are errors where somebody looks at them, never where somebody installs.
case ${CI:+ci}-$1 in ci-debug | ci-asan | -clang | ci-clang | *-arm64) options="$options -Dwerror=true" ;; esac

mkdir -p build
case $1 in *clang | fuzz) printf "[binaries]\nc = 'clang'\npython = '%s/.venv/bin/python'\n" "$PWD" >build/clang.ini ;; esac
if [ ! -e "build/$1/options" ] || [ "$(cat "build/$1/options")" != "$options" ]; then
    rm -rf "build/$1"
    quietly "build/log/meson-$1" meson setup $options "build/$1" || fail "meson could not set up build/$1."
    echo "$options" >"build/$1/options"
fi
say "compiling what changed for build/$1"
status=0
output=$(ninja -C "build/$1" --quiet $targets 2>&1) || status=$?
[ -z "$output" ] || [ "$output" = 'ninja: no work to do.' ] || printf '%s\n' "$output"
exit "$status"
