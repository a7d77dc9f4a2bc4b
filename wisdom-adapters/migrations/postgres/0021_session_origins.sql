-- From where a session began, and from where it was refreshed last: for its user to tell sessions apart.
ALTER TABLE sessions ADD COLUMN begun_address text;
ALTER TABLE sessions ADD COLUMN begun_agent text NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN refreshed_address text;
ALTER TABLE sessions ADD COLUMN refreshed_agent text NOT NULL DEFAULT '';
