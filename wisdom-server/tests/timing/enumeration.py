#!/usr/bin/env python3
"""Do answers take as long for addresses that have an account as for those that have none?

Run by hand, on a machine with nothing else to do:

    cargo build --release -p wisdom-server
    python3 wisdom-server/tests/timing/enumeration.py target/release/wisdom-server [samples]

Starts the server on SQLite in a folder of its own. For each door it sends `samples` requests (default 1000), half of
them about known addresses, in random order, and prints how often the best single threshold on the time would tell the
two apart. 50 % is a coin; the bar is 55 %. The exit code is 1 when a door is above it, or when status or headers differ.
"""

import http.client
import json
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

PASSWORD = "violet harbour seven lanterns"
WRONG = "crimson harbour seven lanterns"
BAR = 0.55
# Failures of one account that are not slowed down.
TRIES = 4
# Doors that answer alike by intent: name, paths in the order of preference, and what makes a body of an address.
DOORS = [
    ("log-in", ["/v1/auth/log-in"], lambda email: {"email": email, "password": WRONG}),
    ("sign-up", ["/v1/auth/sign-up"], lambda email: {
        "email": email, "password": PASSWORD, "display_name": "Somebody", "tenant_name": "Somewhere"}),
    ("reset", ["/v1/auth/reset-password/request"],
     lambda email: {"email": email}),
    ("magic link", ["/v1/auth/link/request"], lambda email: {"email": email}),
    ("code", ["/v1/auth/code/request"], lambda email: {"email": email}),
]


class Client:
    def __init__(self, port):
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.sources = 0

    def post(self, path, body):
        """Status, header names and seconds. Each call comes from a source of its own."""
        self.sources += 1
        source = f"10.{self.sources >> 16 & 255}.{self.sources >> 8 & 255}.{self.sources & 255}"
        text = json.dumps(body)
        headers = {"content-type": "application/json", "x-forwarded-for": source}
        started = time.perf_counter()
        self.connection.request("POST", path, text, headers)
        answer = self.connection.getresponse()
        answer.read()
        took = time.perf_counter() - started
        return answer.status, tuple(sorted(name.lower() for name, _ in answer.getheaders())), took

    def paths(self):
        self.connection.request("GET", "/openapi.json")
        return set(json.loads(self.connection.getresponse().read())["paths"])


def best_guess(known, unknown):
    """The share of right answers of the best threshold, in either direction."""
    marked = sorted([(t, 1) for t in known] + [(t, -1) for t in unknown])
    # Below the threshold "known", above "unknown", or the other way round.
    score, best = 0, 0
    for _, mark in marked:
        score += mark
        best = max(best, abs(score))
    return 0.5 + best / (2 * len(known))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    program = sys.argv[1]
    samples = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    half = samples // 2
    port = free_port()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [program, "--listen", f"127.0.0.1:{port}", "--data-dir", folder,
             "--set", "server.trusted_proxies=127.0.0.1", "--set", "auth.attempts.per_source=100000",
             "--set", "rate_limit.per_address=1000000", "--set", "log.level=off"],
            stdout=subprocess.DEVNULL)
        try:
            for _ in range(100):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            client = Client(port)
            there = client.paths()
            known = [f"known{n}@example.com" for n in range(-(-half // TRIES))]
            for email in known:
                body = {"email": email, "password": PASSWORD, "display_name": "K", "tenant_name": "Known"}
                status, _, _ = client.post("/v1/auth/sign-up", body)
                assert status == 202, status
            print(f"{'door':<12} {'known ms':>9} {'unknown ms':>11} {'best guess':>11}")
            for name, paths, make in DOORS:
                path = next((path for path in paths if path in there), None)
                if path is None:
                    print(f"{name:<12} {'-':>9} {'-':>11} {'no such door':>12}")
                    continue
                addresses = [(True, email) for email in (known * TRIES)[:half]]
                addresses += [(False, f"nobody-{name[:3]}-{n // TRIES}-{n if name == 'sign-up' else 0}@example.com")
                              for n in range(half)]
                random.shuffle(addresses)
                times, answers = {True: [], False: []}, {True: set(), False: set()}
                for is_known, email in addresses:
                    status, headers, took = client.post(path, make(email))
                    times[is_known].append(took * 1000)
                    answers[is_known].add((status, headers))
                guess = best_guess(times[True], times[False])
                same = answers[True] == answers[False]
                failed |= guess > BAR or not same
                print(f"{name:<12} {statistics.median(times[True]):>9.2f} {statistics.median(times[False]):>11.2f} "
                      f"{guess:>10.1%}{'' if same else '  answers differ: ' + str(answers)}")
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
