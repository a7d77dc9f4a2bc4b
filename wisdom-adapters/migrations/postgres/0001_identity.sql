CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    email_key text NOT NULL UNIQUE,
    email_verified_at timestamptz,
    display_name text NOT NULL,
    state text NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL
);

CREATE TABLE password_credentials (
    user_id uuid PRIMARY KEY REFERENCES users (id),
    phc text NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    bound_tenant uuid,
    label text NOT NULL,
    generation bigint NOT NULL,
    generation_at timestamptz NOT NULL,
    confirmed boolean NOT NULL,
    replays bigint NOT NULL,
    sealed_key bytea NOT NULL,
    authenticated_at timestamptz NOT NULL,
    idle_until timestamptz NOT NULL,
    absolute_until timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_reason text,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);
CREATE INDEX sessions_live ON sessions (user_id, created_at, id) WHERE revoked_at IS NULL;

CREATE TABLE one_time_tokens (
    user_id uuid NOT NULL REFERENCES users (id),
    purpose text NOT NULL,
    hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    email text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, purpose)
);
