-- Failed tries at credentials, by the hash of whose they are; `at` is the last one, of a source when all are forgotten.
CREATE TABLE attempt_counters (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    kind text NOT NULL,
    failures bigint NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX attempt_counters_old ON attempt_counters (kind, at);

CREATE TABLE known_devices (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    user_id uuid NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL
);
CREATE INDEX known_devices_of_user ON known_devices (user_id, seen_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON attempt_counters, known_devices TO wisdom_system;
