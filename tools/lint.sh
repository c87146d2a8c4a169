#!/bin/sh
# All that can be said about the sources without running them. Goes on after a failure, so that one run shows everything.
set -u
cd "$(dirname "$0")/.."
. tools/say.sh

failed=
check() {
    say "$1"
    shift
    "$@" || failed="$failed
  $*"
}
files() { git ls-files --cached --others --exclude-standard -- "$@"; }

format() { files '*.c' '*.h' | xargs clang-format --dry-run -Werror; }
tidy() { files 'src/*.c' 'cli/*.c' 'python/extension/*.c' | xargs -P 2 -n 4 clang-tidy -p build/clang --quiet 2>build/log/tidy; }
header_alone() { "$@" -Wall -Wextra -Wpedantic -Werror -fsyntax-only include/comem.h; }
word_stores() { .venv/bin/python tools/test_word_stores.py && .venv/bin/python tools/check_word_stores.py; }
types() { # for every Python that this mypy knows of: from 3.10 on
    for minor in 10 11 12 13 14 15; do
        .venv/bin/mypy --strict --python-version "3.$minor" python/comem tests/python/typed.py || return 1
    done
}
stubs() { .venv/bin/python -m pytest -q tests/python/test_stubs.py; }
errors_page() { .venv/bin/python tools/errors_page.py --check; }
coverage_page() { .venv/bin/python tools/check_coverage_page.py; }
listed() {
    missing=$(files 'src/*.c' 'cli/*.c' 'python/comem/*' 'python/extension/*.c' | while read -r file; do
        grep -qF "$(echo "$file" | cut -d/ -f2-)'" "${file%%/*}/meson.build" || echo "$file"
    done)
    [ -z "$missing" ] || { echo "$missing"; return 1; }
}

mkdir -p build/log
check 'every source stands in its meson.build' listed
check 'formatting' format
check 'word stores: shared memory is written through src/os/word.h alone' word_stores
check 'docs/crash-coverage.md: every operation, and what cuts it' coverage_page
check 'docs/errors.md: what the tests have' errors_page
check 'the header as C99' header_alone "${CC:-cc}" -std=c99 -x c
check 'the header as C++17' header_alone g++ -std=c++17 -x c++
check 'warnings of clang' tools/build.sh clang
check 'warnings of gcc for aarch64' tools/build.sh arm64
check 'clang-tidy' tidy
check 'types of the Python package, with every Python' types
check 'the stubs against the package' stubs
check 'the pages as a site: every link, every name of the references' env NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet

[ -z "$failed" ] || fail "lint found something in:$failed"
say 'lint found nothing'
