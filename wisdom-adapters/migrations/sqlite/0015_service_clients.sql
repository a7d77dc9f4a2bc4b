-- A service client is a tenant's key of another kind: its secret opens the token endpoint only.
ALTER TABLE api_keys ADD COLUMN kind TEXT NOT NULL DEFAULT 'key' CHECK (kind IN ('key', 'client'));

-- Access tokens of service clients.
CREATE TABLE client_tokens (
    public_id TEXT PRIMARY KEY,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    client TEXT NOT NULL REFERENCES api_keys (public_id),
    scopes TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX client_tokens_of_client ON client_tokens (client, expires_at);
