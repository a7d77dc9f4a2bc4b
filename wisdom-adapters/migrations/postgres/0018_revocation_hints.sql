-- Other nodes look at once instead of at their next reading. In a trigger, so that no way of ending a session can forget
-- to tell; PostgreSQL sends what one transaction tells as one.
CREATE FUNCTION wisdom_tell_revocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('wisdom_revocations', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER sessions_tell_revocation AFTER UPDATE ON sessions FOR EACH ROW
    WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at) EXECUTE FUNCTION wisdom_tell_revocation();
