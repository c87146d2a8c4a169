#!/bin/sh
# Runs the tests in build/asan and fails on any report, also on one from a child that its test did not ask about.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

# AddressSanitizer's reports go to files; gcc's UndefinedBehaviorSanitizer, beside it, writes to stderr whatever it is told.
reports=$PWD/build/asan/reports
rm -rf "$reports"
mkdir "$reports"
export ASAN_OPTIONS="log_path=$reports/report:detect_stack_use_after_return=1:strict_string_checks=1"
export UBSAN_OPTIONS="print_stacktrace=1"
status=0
meson test -C build/asan --no-rebuild --verbose --timeout-multiplier 4 || status=$?
for report in "$reports"/*; do
    [ ! -e "$report" ] || { cat "$report"; status=1; }
done
! grep -n 'runtime error:' build/asan/meson-logs/testlog.txt || status=1
[ "$status" = 0 ] || fail 'a test failed or a sanitizer had something to report.'
