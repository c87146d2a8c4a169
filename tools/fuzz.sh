#!/bin/sh
# Fuzzes for FUZZ_SECONDS (120). What it learns stays in build/fuzz/corpus, where the next run begins.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

fuzz=build/fuzz/tests/crash/fuzz
mkdir -p build/fuzz/corpus build/fuzz/found
status=0
"$fuzz" -max_total_time="${FUZZ_SECONDS:-120}" -max_len=800 -len_control=0 -timeout=20 \
    -artifact_prefix=build/fuzz/found/ build/fuzz/corpus >build/log/fuzz 2>&1 || status=$?
grep -E '^fuzz:|^store check:|^#[0-9]+.*DONE|^==.*ERROR|^SUMMARY' build/log/fuzz || tail -n 20 build/log/fuzz
[ "$status" != 0 ] || exit 0
input=$(sed -n 's/.*Test unit written to //p' build/log/fuzz)
fail "an input failed; build/log/fuzz has more. To run it again, with each step shown:
  FUZZ_TRACE=1 $fuzz $input"
