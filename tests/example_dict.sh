#!/bin/sh
# The example about dicts in C counts the words of all its processes, each as often as it comes up.
set -eu
counts=$("$1" | tr '\n' ',')
[ "$counts" = '1 and,2 cat,2 falls,3 on,2 rain,1 roof,1 sleeps,1 stairs,6 the,' ] || { echo "printed: $counts" >&2; exit 1; }
