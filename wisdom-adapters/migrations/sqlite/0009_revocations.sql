-- Every node asks twice a second which sessions ended lately.
CREATE INDEX sessions_revoked ON sessions (revoked_at, id) WHERE revoked_at IS NOT NULL;
