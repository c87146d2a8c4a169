#!/bin/sh
# Fuzzes each of the targets for FUZZ_SECONDS (120). What it learns stays in build/fuzz/corpus, where the next run begins.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

# fuzz_one TARGET LENGTH CORPUS
fuzz_one() {
    target=build/fuzz/tests/$1 log=build/log/$(basename "$1")
    mkdir -p "$3" build/fuzz/found
    status=0
    "$target" -max_total_time="${FUZZ_SECONDS:-120}" -max_len="$2" -len_control=0 -timeout=20 \
        -artifact_prefix=build/fuzz/found/ "$3" >"$log" 2>&1 || status=$?
    grep -E '^fuzz:|^store check:|^#[0-9]+.*DONE|^==.*ERROR|^SUMMARY' "$log" || tail -n 20 "$log"
    [ "$status" != 0 ] || return 0
    input=$(sed -n 's/.*Test unit written to //p' "$log")
    fail "an input failed; $log has more. To run it again, with each step shown:
  FUZZ_TRACE=1 $target $input"
}

fuzz_one crash/fuzz 800 build/fuzz/corpus
fuzz_one crash/fuzz_import 400 build/fuzz/corpus-import
fuzz_one fuzz/fuzz_damage 40 build/fuzz/corpus-damage
