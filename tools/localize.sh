#!/bin/sh
# Makes a static library whose only global names are the public ones: all objects become one, and what has hidden
# visibility becomes local to it.
#
#   localize.sh ARCHIVE RESULT AR OBJCOPY COMPILER...
set -eu
archive=$1 result=$2 ar=$3 objcopy=$4
shift 4
"$@" -r -nostdlib -Wl,--whole-archive "$archive" -o "$result.o"
"$objcopy" --localize-hidden "$result.o"
rm -f "$result"
"$ar" rcs "$result" "$result.o"
rm "$result.o"
