-- Certificates by which a service client can prove who it is: at most ten, read with the client and changed with its
-- version, so they are part of its row.
ALTER TABLE api_keys ADD COLUMN certificates TEXT NOT NULL DEFAULT '[]';
-- Who shows a certificate names the client, and no tenant.
CREATE UNIQUE INDEX api_keys_by_id ON api_keys (id);

-- The certificate that a token is bound to.
ALTER TABLE client_tokens ADD COLUMN certificate BLOB CHECK (length(certificate) = 32);
