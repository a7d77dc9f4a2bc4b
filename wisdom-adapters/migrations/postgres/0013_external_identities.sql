CREATE TABLE external_identities (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    provider text NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL,
    email text,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    UNIQUE (issuer, subject)
);
CREATE INDEX external_identities_user ON external_identities (user_id, created_at, id);

CREATE TABLE provider_attempts (
    state_hash bytea PRIMARY KEY CHECK (octet_length(state_hash) = 32),
    binding_hash bytea NOT NULL CHECK (octet_length(binding_hash) = 32),
    provider text NOT NULL,
    user_id uuid REFERENCES users (id),
    return_to text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX provider_attempts_expired ON provider_attempts (expires_at);

-- Identity belongs to no tenant: a tenant's units of work see nothing of it.
GRANT SELECT, INSERT, DELETE ON external_identities TO wisdom_system;
GRANT UPDATE (email, last_used_at) ON external_identities TO wisdom_system;
-- UPDATE is what locking the rows takes that are cleared.
GRANT SELECT, INSERT, DELETE ON provider_attempts TO wisdom_system;
GRANT UPDATE (expires_at) ON provider_attempts TO wisdom_system;
