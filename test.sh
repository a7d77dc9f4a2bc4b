#!/usr/bin/env bash
# Everything a change has to pass, on a fresh Debian or Ubuntu with a Rust toolchain, as root or with sudo.
#
#   ./test.sh         all of it
#   ./test.sh quick   format, lints and the Rust tests
#
# Missing packages are installed. PostgreSQL, Redis and NATS are private instances on free loopback ports with their
# data in a temporary folder, stopped at the end however the run ends; the machine's own instances are not touched.
# Full output of each step is kept in target/test-logs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

mode=${1:-all}
case $mode in
all | quick) ;;
*)
    echo "usage: ./test.sh [quick]" >&2
    exit 2
    ;;
esac

root=$PWD
tools=${WISDOM_TOOLS:-$HOME/.cache/wisdom-tools}
target=${CARGO_TARGET_DIR:-$root/target}
logs=$target/test-logs
venv=$target/test-venv
node=$target/test-node
work=
policy=
step=start
child=
services=()
PATH=$HOME/.cargo/bin:$tools/bin:$PATH

# --- reporting -----------------------------------------------------------------------------------------------

say() { printf '[%5d s] %s\n' "$SECONDS" "$*"; }

# Runs "$@" as a step: one line when it is done; its output goes to a log, of which a failure shows the end.
# In a process group of its own, so that stopping this script stops all of it.
run() {
    step=$1
    shift
    local began=$SECONDS log=$logs/${step//[^a-zA-Z0-9]/-}.log status=0
    set -m
    "$@" >"$log" 2>&1 </dev/null &
    child=$!
    set +m
    wait "$child" || status=$?
    child=
    if [ "$status" -ne 0 ]; then
        tail -n 200 "$log" >&2
        echo "full output: $log" >&2
        exit "$status"
    fi
    say "$step: ok in $((SECONDS - began)) s"
}

log_of() { printf '%s\n' "$logs/${1//[^a-zA-Z0-9]/-}.log"; }

finish() {
    local status=$?
    trap - EXIT INT TERM HUP
    if [ -n "$child" ]; then
        kill -TERM -- "-$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    local service
    for service in "${services[@]}"; do
        kill -"${service%:*}" "${service#*:}" 2>/dev/null || true
    done
    for service in "${services[@]}"; do
        wait "${service#*:}" 2>/dev/null || true
    done
    if [ -n "$policy" ]; then as_root rm -f "$policy"; fi
    if [ -n "$work" ]; then rm -rf "$work" 2>/dev/null || as_root rm -rf "$work"; fi
    if [ "$status" -ne 0 ]; then
        printf '\nFAILED after %d s in step: %s\n' "$SECONDS" "$step" >&2
    fi
    exit "$status"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

die() {
    echo "$*" >&2
    exit 1
}

# --- what is needed -------------------------------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "not root and no sudo, which is needed for: $*"
    fi
}

have() { command -v "$1" >/dev/null 2>&1; }

postgres_bin() {
    local initdb
    if [ -n "${WISDOM_PG_BIN:-}" ]; then
        initdb=$WISDOM_PG_BIN/initdb
    else
        initdb=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
        if [ ! -x "$initdb" ]; then initdb=$(command -v initdb || true); fi
    fi
    if [ -n "$initdb" ] && [ -x "$initdb" ]; then dirname "$initdb"; else return 1; fi
}

install_packages() {
    local packages=()
    postgres_bin >/dev/null || packages+=(postgresql)
    have redis-server || packages+=(redis-server)
    have nats-server || packages+=(nats-server)
    have valgrind || packages+=(valgrind)
    have python3 || packages+=(python3)
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
    have node || packages+=(nodejs)
    have npm || packages+=(npm)
    have chromium || packages+=(chromium)
    have gcc || packages+=(gcc libc6-dev)
    have g++ || packages+=(g++)
    have make || packages+=(make)
    have curl || packages+=(curl ca-certificates)
    have setpriv || packages+=(util-linux)
    if [ "${#packages[@]}" -eq 0 ]; then return; fi
    have apt-get || die "missing and no apt-get to install them: ${packages[*]}"
    # The packages would start instances of their own; nobody here wants them.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    run "packages ${packages[*]}" install_by_apt "${packages[@]}"
    if [ -n "$policy" ]; then
        as_root rm -f "$policy"
        policy=
    fi
}

install_by_apt() {
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

toolchain() {
    have cargo || die "no Rust toolchain: install one with rustup first"
    local missing=()
    cargo fmt --version >/dev/null 2>&1 || missing+=(rustfmt)
    cargo clippy --version >/dev/null 2>&1 || missing+=(clippy)
    if [ "${#missing[@]}" -gt 0 ]; then run "toolchain ${missing[*]}" rustup component add "${missing[@]}"; fi
}

cargo_deny() {
    if have cargo-deny; then return; fi
    run "tool cargo-deny" env -u CARGO_TARGET_DIR cargo install --locked --quiet --root "$tools" cargo-deny
}

python_packages() {
    export WISDOM_TEST_PYTHON=$venv/bin/python
    if "$WISDOM_TEST_PYTHON" -c 'import jwt, standardwebhooks, webauthn; jwt.algorithms.OKPAlgorithm' 2>/dev/null; then return; fi
    run "Python packages" make_venv
}

make_venv() {
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        'PyJWT[crypto]==2.10.1' 'standardwebhooks==1.1.0' 'webauthn==3.0.1'
}

node_packages() {
    export WISDOM_TEST_NODE_MODULES=$node/node_modules
    if [ -d "$WISDOM_TEST_NODE_MODULES/jose" ] && [ -d "$WISDOM_TEST_NODE_MODULES/oidc-provider" ]; then return; fi
    run "Node packages" make_node_modules
}

make_node_modules() {
    mkdir -p "$node"
    npm install --prefix "$node" --no-audit --no-fund --no-save --ignore-scripts \
        'jose@6.2.17' 'oidc-provider@9.13.3'
}

# --- private services -----------------------------------------------------------------------------------------

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Ports can be taken between choice and start, so every start is tried with several.
# The kernel ends the service when this script dies without its trap.
serve() {
    local name=$1 starter=$2 signal=$3 port pid tries
    step="start $name"
    for tries in 1 2 3; do
        port=$(free_port)
        "$starter" "$port" >>"$logs/$name.log" 2>&1 </dev/null &
        pid=$!
        # Known to the trap before it is known to work.
        services+=("$signal:$pid")
        if answers "$port" "$pid"; then
            printf -v "${name}_port" '%s' "$port"
            say "$name: private instance on port $port"
            return
        fi
        kill -"$signal" "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
        unset 'services[-1]'
    done
    tail -n 50 "$logs/$name.log" >&2
    die "$name did not start in $tries attempts"
}

answers() {
    local round
    for round in {1..150}; do
        kill -0 "$2" 2>/dev/null || return 1
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return 0; fi
        sleep 0.1
    done
    echo "no answer after $round rounds" >&2
    return 1
}

# PostgreSQL refuses to run as root.
account() {
    if [ "$(id -u)" -ne 0 ]; then
        id -un
    elif id -u postgres >/dev/null 2>&1; then
        echo postgres
    else
        echo nobody
    fi
}

unprivileged() {
    if [ "$(id -u)" -eq 0 ]; then
        exec setpriv --reuid "$(id -u "$(account)")" --regid "$(id -g "$(account)")" --clear-groups \
            --pdeathsig QUIT -- "$@"
    else
        exec setpriv --pdeathsig QUIT -- "$@"
    fi
}

initialise_postgres() {
    install -d -m 700 -o "$(account)" "$work/postgres"
    (umask 077 && printf '%s' "$secret" >"$work/postgres/password")
    chown "$(account)" "$work/postgres/password"
    (unprivileged "$(postgres_bin)/initdb" --pgdata "$work/postgres/data" --username wisdom_test_admin \
        --pwfile "$work/postgres/password" --auth=password --no-sync --encoding=UTF8 --locale=C.UTF-8)
    rm "$work/postgres/password"
}

start_postgres() {
    cd /
    unprivileged "$(postgres_bin)/postgres" -D "$work/postgres/data" -c listen_addresses=127.0.0.1 -c "port=$1" \
        -c unix_socket_directories= -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
        -c max_connections=300
}

start_redis() {
    exec setpriv --pdeathsig TERM -- redis-server --port "$1" --bind 127.0.0.1 --save '' --appendonly no \
        --dir "$work/redis"
}

start_nats() {
    exec setpriv --pdeathsig TERM -- nats-server -a 127.0.0.1 -p "$1" -js -sd "$work/nats"
}

start_services() {
    step="start services"
    secret=$(python3 -c 'import secrets; print(secrets.token_hex(16))')
    run "PostgreSQL data folder" initialise_postgres
    serve postgres start_postgres QUIT # its immediate stop
    mkdir "$work/redis" "$work/nats"
    serve redis start_redis TERM
    serve nats start_nats TERM
    # shellcheck disable=SC2154 # serve sets the ports
    export WISDOM_TEST_DATABASE_URL=postgres://wisdom_test_admin:$secret@127.0.0.1:$postgres_port/postgres
    # shellcheck disable=SC2154
    export WISDOM_TEST_REDIS_URL=redis://127.0.0.1:$redis_port
    # shellcheck disable=SC2154
    export WISDOM_TEST_NATS_URL=nats://127.0.0.1:$nats_port
    export WISDOM_TEST_REQUIRE_SERVICES=1
}

# --- checks ---------------------------------------------------------------------------------------------------

check_features() {
    cargo check --locked -p wisdom-adapters --no-default-features
    cargo check --locked -p wisdom-adapters --no-default-features --features sqlite
    cargo check --locked -p wisdom-adapters --no-default-features --features postgres
    cargo check --locked -p wisdom-adapters --no-default-features --features testkit
    cargo check --locked -p wisdom-server --no-default-features
}

# Names of the packages a crate needs when it is used, with all features.
needs() { cargo tree --locked -p "$1" -e normal --all-features --prefix none --format '{p}' | cut -d ' ' -f 1 | sort -u; }

check_structure() {
    local wanted found crate allowed faults=0
    wanted="benches docs examples ffi wisdom-adapters wisdom-auth wisdom-core wisdom-events wisdom-server wisdom-tenancy"
    found=$(
        for folder in */; do
            folder=${folder%/}
            [ "$folder" = target ] || git check-ignore -q "$folder/" 2>/dev/null || printf '%s\n' "$folder"
        done | LC_ALL=C sort | tr '\n' ' '
    )
    if [ "${found% }" != "$wanted" ]; then
        printf 'top-level folders\n  are:    %s\n  wanted: %s\n' "$found" "$wanted"
        faults=1
    fi
    for crate in core auth tenancy events; do
        case $crate in
        core) allowed='wisdom-core' ;;
        auth) allowed='wisdom-(core|auth)' ;;
        tenancy) allowed='wisdom-(core|auth|tenancy)' ;;
        events) allowed='wisdom-(core|events)' ;;
        esac
        needs "wisdom-$crate" >"$work/needs"
        grep -qx "wisdom-$crate" "$work/needs" || die "cargo tree says nothing about wisdom-$crate"
        if grep -E '^(sqlx(-.*)?|hyper(-util)?|axum(-core)?|reqwest|rusqlite|tokio-postgres|redis|async-nats|lettre)$' "$work/needs"; then
            echo "wisdom-$crate is a domain crate and must not need the packages above"
            faults=1
        fi
        if grep -E '^wisdom-' "$work/needs" | grep -vxE "$allowed"; then
            echo "wisdom-$crate must not depend on the crates above"
            faults=1
        fi
    done
    return "$faults"
}

advisories() {
    step=advisories
    if timeout 120 cargo-deny fetch db >/dev/null 2>&1 || timeout 60 cargo-deny --offline fetch db >/dev/null 2>&1; then
        run advisories cargo-deny --all-features check --disable-fetch advisories
    else
        say "advisories: NOT RUN, the advisory database cannot be reached from here"
    fi
}

rust_tests() {
    if have cargo-nextest; then
        cargo nextest run --locked --workspace --all-features --profile ci
    else
        cargo test --locked --workspace --all-features --lib --bins --tests --examples --no-fail-fast
    fi
}

build_programs() {
    # Together first, so that their dependencies are compiled once; the last one leaves the server and the library
    # as they are shipped, without what the examples switch on.
    cargo build --locked -p wisdom-server -p wisdom-ffi -p wisdom-examples
    cargo build --locked -p wisdom-server -p wisdom-ffi
}

# A program of the project that has to be there.
script() {
    [ -f "$1" ] || die "$1 is missing"
    bash "$1"
}

# Sums what the test runners say they passed, in the logs of the named steps.
passed_in() {
    local name
    for name in "$@"; do
        [ ! -f "$(log_of "$name")" ] || sed 's/\x1b\[[0-9;]*m//g' "$(log_of "$name")"
    done | awk '
        /^ *Summary \[.*tests? run:/ { for (i = 2; i <= NF; i++) if ($i ~ /^passed/) sum += $(i - 1) }
        /^test result: ok\. [0-9]+ passed/ { sum += $4 }
        /^[0-9]+ passed, 0 failed/ { sum += $1 }
        END { print sum + 0 }'
}

# --- the run --------------------------------------------------------------------------------------------------

mkdir -p "$logs"
rm -f "$logs"/*.log
work=$(mktemp -d)
chmod 711 "$work"
export CARGO_TERM_COLOR=never

install_packages
toolchain
run "format" cargo fmt --all --check -- --color never
run "clippy" cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
if [ "$mode" = all ]; then
    run "structure" check_structure
    run "features one by one" check_features
    run "docs" env RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --all-features
    cargo_deny
    run "licences, bans, sources" cargo-deny --all-features check licenses bans sources
    advisories
fi
python_packages
node_packages
start_services
run "Rust tests" rust_tests
if [ "$mode" = all ]; then
    run "doc tests" cargo test --locked --doc --workspace --all-features
    # After the tests: the programs below use what lies in the target folder, built as a user builds it.
    run "build" build_programs
    export WISDOM_BUILT=$target/debug
    run "C and Python programs" script ffi/tests/run.sh
    run "examples" script examples/run.sh
    run "README, line by line" script .ci/readme.sh
fi

step="counting tests"
passed=$(passed_in "Rust tests" "doc tests" "C and Python programs" "examples" "README, line by line")
[ "$passed" -gt 0 ] || die "no test ran"
printf '\n%d passed, 0 failed\n' "$passed"
if [ "$mode" = all ]; then
    echo "All good: format, lints, docs, licences, $passed tests, C programs, examples and README passed in $SECONDS s."
else
    echo "All good: format, lints and $passed tests passed in $SECONDS s."
fi
