# Read by the scripts beside it: how they speak.

say() { printf 'comem: %s\n' "$*"; }
fail() { printf 'comem: %s\n' "$*" >&2; exit 1; }

# quietly LOG COMMAND...: runs it with its output in LOG, which is shown only when it fails.
quietly() {
    log=$1
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 || { tail -n 40 "$log" >&2; return 1; }
}
