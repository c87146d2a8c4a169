#!/bin/sh
# Only names that begin with comem_ are visible in libcomem, shared and static; it has its SONAME and stays loaded.
#
#   names.sh libcomem.so libcomem.a
set -eu
shared=$1 static=$2

foreign() { awk 'NF >= 3 && $NF !~ /^comem_/ { print $NF }'; }
fail() { echo "names: $*" >&2; exit 1; }

names=$(nm -D --defined-only "$shared" | foreign)
[ -z "$names" ] || fail "$shared shows" $names
names=$(nm -g --defined-only "$static" | foreign)
[ -z "$names" ] || fail "$static shows" $names
nm -D --defined-only "$shared" | grep -q ' T comem_list_append$' || fail "$shared has no comem_list_append"
nm -g --defined-only "$static" | grep -q ' T comem_list_append$' || fail "$static has no comem_list_append"

readelf -d "$shared" | grep -q 'SONAME.*\[libcomem\.so\.0\]' || fail "$shared is not libcomem.so.0"
readelf -d "$shared" | grep -q NODELETE || fail "$shared can be unloaded"
