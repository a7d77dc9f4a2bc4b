-- Counts the generations of a user's credentials: what was begun under an earlier one is worth nothing.
ALTER TABLE users ADD COLUMN credentials INTEGER NOT NULL DEFAULT 1;
ALTER TABLE sessions ADD COLUMN second_factor_at INTEGER;
ALTER TABLE one_time_tokens ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN mfa_required INTEGER NOT NULL DEFAULT 0 CHECK (mfa_required IN (0, 1));

-- Half-finished sign-ins: the first factor was proven, the second was not yet.
CREATE TABLE sign_in_challenges (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    user_id BLOB NOT NULL REFERENCES users (id),
    credentials INTEGER NOT NULL,
    proof TEXT NOT NULL,
    label TEXT NOT NULL,
    bound_tenant BLOB CHECK (length(bound_tenant) = 16),
    attempts INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sign_in_challenges_of_user ON sign_in_challenges (user_id);

CREATE TABLE totp_credentials (
    user_id BLOB PRIMARY KEY REFERENCES users (id),
    sealed_secret BLOB NOT NULL,
    last_step INTEGER NOT NULL,
    confirmed_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_codes (
    user_id BLOB NOT NULL REFERENCES users (id),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, hash)
) STRICT;

CREATE TABLE remembered_devices (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    user_id BLOB NOT NULL REFERENCES users (id),
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX remembered_devices_of_user ON remembered_devices (user_id);
