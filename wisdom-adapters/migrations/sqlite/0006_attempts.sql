-- Failed tries at credentials, by the hash of whose they are; `at` is the last one, of a source when all are forgotten.
CREATE TABLE attempt_counters (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    kind TEXT NOT NULL,
    failures INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX attempt_counters_old ON attempt_counters (kind, at);

CREATE TABLE known_devices (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    user_id BLOB NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX known_devices_of_user ON known_devices (user_id, seen_at);
