-- The second wall. Units of work run as one of two roles that own nothing: `wisdom_app` sees one tenant, named by the
-- transaction's setting `wisdom.tenant_id`; `wisdom_system` sees all. FORCE binds the owner too.
-- A policy for a role holds for every login that inherits it, as members do before PostgreSQL 16; who asks for the name
-- in use is not fooled by that.
-- A custom setting reads as empty text, not NULL, on a connection that was used before: hence NULLIF.
DO $$
DECLARE
    name text;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO wisdom_app, wisdom_system', current_schema());
    FOREACH name IN ARRAY ARRAY['memberships', 'invitations', 'outbox_events', 'event_sequences', 'inbox_entries',
        'webhook_endpoints', 'webhook_deliveries', 'webhook_attempts', 'audit_entries', 'idempotency_keys']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY wisdom_tenant ON %I TO wisdom_app '
            'USING (tenant_id = NULLIF(current_setting(''wisdom.tenant_id'', true), '''')::uuid) '
            'WITH CHECK (tenant_id = NULLIF(current_setting(''wisdom.tenant_id'', true), '''')::uuid)', name);
        EXECUTE format('CREATE POLICY wisdom_system ON %I TO wisdom_system '
            'USING (current_user = ''wisdom_system'') WITH CHECK (current_user = ''wisdom_system'')', name);
    END LOOP;
END
$$;

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY wisdom_tenant ON tenants TO wisdom_app
    USING (id = NULLIF(current_setting('wisdom.tenant_id', true), '')::uuid)
    WITH CHECK (id = NULLIF(current_setting('wisdom.tenant_id', true), '')::uuid);
CREATE POLICY wisdom_system ON tenants TO wisdom_system
    USING (current_user = 'wisdom_system') WITH CHECK (current_user = 'wisdom_system');

-- Users are global; a tenant sees those who are its members. The sub-select is under the policy of memberships.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY wisdom_tenant ON users FOR SELECT TO wisdom_app
    USING (EXISTS (SELECT FROM memberships m WHERE m.user_id = users.id));
CREATE POLICY wisdom_system ON users TO wisdom_system
    USING (current_user = 'wisdom_system') WITH CHECK (current_user = 'wisdom_system');

GRANT SELECT (id, email, display_name) ON users TO wisdom_app;
GRANT SELECT, UPDATE (slug, name, state, region, epoch, owner_count, version) ON tenants TO wisdom_app;
GRANT SELECT, INSERT, UPDATE (role, version), DELETE ON memberships TO wisdom_app;
GRANT SELECT, INSERT ON invitations TO wisdom_app;
GRANT UPDATE (email, email_key, role, state, invited_by, accepted_by, token_hash, sends, sent_since, expires_at, version)
    ON invitations TO wisdom_app;
GRANT SELECT, INSERT ON outbox_events, inbox_entries, webhook_attempts, audit_entries TO wisdom_app;
GRANT SELECT, INSERT, UPDATE (last_seq) ON event_sequences TO wisdom_app;
GRANT SELECT, INSERT, DELETE ON webhook_endpoints TO wisdom_app;
GRANT UPDATE (url, description, event_kinds, enabled, disabled_reason, failing_since, secrets, version)
    ON webhook_endpoints TO wisdom_app;
GRANT SELECT, INSERT, UPDATE (state, attempts, due_at, lease_until) ON webhook_deliveries TO wisdom_app;
GRANT SELECT, INSERT, UPDATE (fingerprint, answer, expires_at) ON idempotency_keys TO wisdom_app;

GRANT SELECT, INSERT, UPDATE ON users, password_credentials, sessions, tenants TO wisdom_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON one_time_tokens, memberships TO wisdom_system;
GRANT SELECT, INSERT, UPDATE ON invitations, event_sequences TO wisdom_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_events, idempotency_keys TO wisdom_system;
GRANT SELECT, DELETE ON inbox_entries TO wisdom_system;
-- UPDATE of the version is what locking an endpoint's row takes while its deliveries are claimed.
GRANT SELECT, UPDATE (version) ON webhook_endpoints TO wisdom_system;
GRANT SELECT, UPDATE (attempts, lease_until, fence) ON webhook_deliveries TO wisdom_system;
GRANT SELECT, INSERT ON audit_entries TO wisdom_system;
