#!/usr/bin/env bash
# Runs the examples that were built before. WISDOM_BUILT names the folder of the programs (default: target/debug of this
# tree). For PostgreSQL the test kit takes the server of WISDOM_TEST_DATABASE_URL, or starts a private one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
built=${WISDOM_BUILT:-$here/../target/debug}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0

step() {
    local name=$1
    shift
    printf '%s\n' "-- $name"
    "$@" || { printf '%d passed, 1 failed: %s\n' "$passed" "$name" >&2; exit 1; }
    passed=$((passed + 1))
}

for program in quickstart orders; do
    [ -x "$built/$program" ] || { echo "$program is not in $built: run cargo build -p wisdom-examples first" >&2; exit 1; }
done

step "quickstart" "$built/quickstart" "$work/quickstart"
step "orders on SQLite" "$built/orders"
step "orders on PostgreSQL" "$built/orders" --postgres

echo "$passed passed, 0 failed"
