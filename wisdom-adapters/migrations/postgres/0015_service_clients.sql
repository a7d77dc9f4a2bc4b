-- A service client is a tenant's key of another kind: its secret opens the token endpoint only.
ALTER TABLE api_keys ADD COLUMN kind text NOT NULL DEFAULT 'key' CHECK (kind IN ('key', 'client'));

-- Access tokens of service clients. The system role's only, like sessions: the tenant is the client's.
CREATE TABLE client_tokens (
    public_id text PRIMARY KEY,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    client text NOT NULL REFERENCES api_keys (public_id),
    scopes jsonb NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX client_tokens_of_client ON client_tokens (client, expires_at);

GRANT SELECT, INSERT, DELETE ON client_tokens TO wisdom_system;
