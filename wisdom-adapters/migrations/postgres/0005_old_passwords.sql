-- Hashes of earlier passwords, for services that refuse them; `place` counts up.
CREATE TABLE old_passwords (
    user_id uuid NOT NULL REFERENCES users (id),
    place bigint NOT NULL,
    phc text NOT NULL,
    PRIMARY KEY (user_id, place)
);

GRANT SELECT, INSERT, DELETE ON old_passwords TO wisdom_system;
