-- Counts the generations of a user's credentials: what was begun under an earlier one is worth nothing.
ALTER TABLE users ADD COLUMN credentials bigint NOT NULL DEFAULT 1;
ALTER TABLE sessions ADD COLUMN second_factor_at timestamptz;
ALTER TABLE one_time_tokens ADD COLUMN attempts bigint NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN mfa_required boolean NOT NULL DEFAULT false;

-- Half-finished sign-ins: the first factor was proven, the second was not yet.
CREATE TABLE sign_in_challenges (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    user_id uuid NOT NULL REFERENCES users (id),
    credentials bigint NOT NULL,
    proof text NOT NULL,
    label text NOT NULL,
    bound_tenant uuid,
    attempts bigint NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_in_challenges_of_user ON sign_in_challenges (user_id);

CREATE TABLE totp_credentials (
    user_id uuid PRIMARY KEY REFERENCES users (id),
    sealed_secret bytea NOT NULL,
    last_step bigint NOT NULL,
    confirmed_at timestamptz,
    created_at timestamptz NOT NULL
);

CREATE TABLE recovery_codes (
    user_id uuid NOT NULL REFERENCES users (id),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, hash)
);

CREATE TABLE remembered_devices (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    user_id uuid NOT NULL REFERENCES users (id),
    label text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX remembered_devices_of_user ON remembered_devices (user_id);

GRANT UPDATE (mfa_required) ON tenants TO wisdom_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_challenges, totp_credentials, recovery_codes, remembered_devices
    TO wisdom_system;
