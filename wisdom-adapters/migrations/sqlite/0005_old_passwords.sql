-- Hashes of earlier passwords, for services that refuse them; `place` counts up.
CREATE TABLE old_passwords (
    user_id BLOB NOT NULL REFERENCES users (id),
    place INTEGER NOT NULL,
    phc TEXT NOT NULL,
    PRIMARY KEY (user_id, place)
) STRICT;
