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

# The command, its page and its completion, in the places where they are looked for.
command=$(find "$work/root" -path '*/bin/comem')
page=$(find "$work/root" -path '*/man/man1/comem.1')
completion=$(find "$work/root" -path '*/bash-completion/completions/comem')
[ "$("$command" --version)" = "comem $(pkg-config --modversion comem)" ] || { echo 'the command does not run'; exit 1; }
grep -q '^\.TH COMEM 1' "$page"
bash -c '. "$1" && complete -p comem >/dev/null' bash "$completion"

# The archive by name: with the shared library beside it, -lcomem would mean that one.
"$@" "$here/examples/mp_list.c" $(pkg-config --cflags comem) "$libdir/libcomem.a" -pthread -o "$work/static"
sh "$here/tests/example.sh" "$work/static"
