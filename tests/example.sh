#!/bin/sh
# The example in C prints a list of the ten words, in whatever order its two processes had.
set -eu
words=$("$1" | tr -d "[]' " | tr , '\n' | sort | tr '\n' ' ')
[ "$words" = 'eight five four nine one seven six ten three two ' ] || { echo "printed: $words" >&2; exit 1; }
