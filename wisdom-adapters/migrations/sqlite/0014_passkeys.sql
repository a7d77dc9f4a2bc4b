-- What is signed with a passkey is verified against the credential as it was registered; its counter and whether it is
-- backed up are columns, because they change with each use.
CREATE TABLE passkeys (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id),
    credential_id BLOB NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 16 AND 1023),
    credential TEXT NOT NULL,
    name TEXT NOT NULL,
    counter INTEGER NOT NULL CHECK (counter BETWEEN 0 AND 4294967295),
    backed_up INTEGER NOT NULL CHECK (backed_up IN (0, 1)),
    user_verified INTEGER NOT NULL CHECK (user_verified IN (0, 1)),
    created_at INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;
CREATE INDEX passkeys_of_user ON passkeys (user_id, created_at, id);

CREATE TABLE passkey_ceremonies (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    purpose TEXT NOT NULL,
    user_id BLOB REFERENCES users (id),
    sign_in BLOB CHECK (length(sign_in) = 32),
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX passkey_ceremonies_expired ON passkey_ceremonies (expires_at);
CREATE INDEX passkey_ceremonies_of_user ON passkey_ceremonies (user_id);
