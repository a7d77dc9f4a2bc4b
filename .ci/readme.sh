#!/usr/bin/env bash
# Runs the README's lines under "Try it" as they stand, against a server that was built, on SQLite and on PostgreSQL.
# WISDOM_BUILT names the folder with wisdom-server; WISDOM_TEST_DATABASE_URL a PostgreSQL server.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
built=${WISDOM_BUILT:-$root/target/debug}
# The server takes every WISDOM_ variable but the tests' own for a setting, and refuses one it does not know.
unset WISDOM_BUILT
: "${WISDOM_TEST_DATABASE_URL:?names a PostgreSQL server on which databases can be made}"
work=$(mktemp -d)
server=
stop() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
    pkill -f "webhook_listener.py 9099" 2>/dev/null || true
    server=
}
trap 'stop; rm -rf "$work"' EXIT

awk '/^## Try it/ {on = 1} /^## The house/ {on = 0} on && /^```$/ {code = 0} on && code {print} on && /^```sh$/ {code = 1}' \
    "$root/README.md" > "$work/lines.sh"
grep -q 'sign-up' "$work/lines.sh"

run() { # name, server arguments…
    local name=$1
    shift
    local folder=$work/$name
    mkdir -p "$folder"
    ln -s "$root/examples" "$folder/examples"
    cd "$folder"
    "$built/wisdom-server" "$@" > server.out 2> server.log &
    server=$!
    for _ in $(seq 100); do curl -fsS http://127.0.0.1:8080/readyz > /dev/null 2>&1 && break; sleep 0.1; done
    bash "$work/lines.sh" > lines.out 2>&1 || { cat lines.out; tail -5 server.log; echo "README on $name: failed"; exit 1; }
    expect() { grep -qE "$1" lines.out || { cat lines.out; tail -5 server.log; echo "README on $name: missing: $1"; exit 1; }; }
    expect '"status":"accepted"'
    expect '"user":"usr_'
    expect 'verified: tenancy.membership.role_changed'
    expect '"action":"tenancy.member.change_role"'
    [ "$(grep -o '"code":"session.reuse"' lines.out | wc -l)" = 2 ] || { cat lines.out; echo "README on $name: the family was not revoked"; exit 1; }
    expect '"code":"token.invalid"'
    expect '204$'
    stop
    echo "  README on $name: as written"
}

run sqlite
database=wt_readme_$$
admin=${WISDOM_TEST_DATABASE_URL}
psql "$admin" -qc "CREATE DATABASE $database"
base=${admin%%\?*}
run postgres --database "${base%/*}/$database"
psql "$admin" -qc "DROP DATABASE $database WITH (FORCE)"
echo "2 passed, 0 failed"
