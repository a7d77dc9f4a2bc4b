-- What is signed with a passkey is verified against the credential as it was registered; its counter and whether it is
-- backed up are columns, because they change with each use.
CREATE TABLE passkeys (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    credential_id bytea NOT NULL UNIQUE CHECK (octet_length(credential_id) BETWEEN 16 AND 1023),
    credential text NOT NULL,
    name text NOT NULL,
    counter bigint NOT NULL CHECK (counter BETWEEN 0 AND 4294967295),
    backed_up boolean NOT NULL,
    user_verified boolean NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz
);
CREATE INDEX passkeys_of_user ON passkeys (user_id, created_at, id);

CREATE TABLE passkey_ceremonies (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    purpose text NOT NULL,
    user_id uuid REFERENCES users (id),
    sign_in bytea CHECK (octet_length(sign_in) = 32),
    state text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX passkey_ceremonies_expired ON passkey_ceremonies (expires_at);
CREATE INDEX passkey_ceremonies_of_user ON passkey_ceremonies (user_id);

-- Identity belongs to no tenant: a tenant's units of work see nothing of it.
GRANT SELECT, INSERT, DELETE ON passkeys TO wisdom_system;
GRANT UPDATE (name, counter, backed_up, last_used_at) ON passkeys TO wisdom_system;
-- UPDATE is what locking the rows takes that are cleared.
GRANT SELECT, INSERT, DELETE ON passkey_ceremonies TO wisdom_system;
GRANT UPDATE (expires_at) ON passkey_ceremonies TO wisdom_system;
