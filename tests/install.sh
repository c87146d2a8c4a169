#!/bin/sh
# What meson installs is enough to build a program, by pkg-config, with the shared and with the static library.
#
#   install.sh BUILD COMPILER...
set -eu
build=$1
shift
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

meson install -C "$build" --no-rebuild --quiet --destdir "$work/root" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
pc=$(find "$work/root" -name comem.pc)
libdir=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$work/root"

"$@" "$here/examples/mp_list.c" $(pkg-config --cflags --libs comem) -o "$work/shared"
LD_LIBRARY_PATH=$libdir sh "$here/tests/example.sh" "$work/shared"

# The archive by name: with the shared library beside it, -lcomem would mean that one.
"$@" "$here/examples/mp_list.c" $(pkg-config --cflags comem) "$libdir/libcomem.a" -pthread -o "$work/static"
sh "$here/tests/example.sh" "$work/static"
