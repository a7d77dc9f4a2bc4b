-- Where somebody acts for a user: an operator, or a personal key for its owner. NULL where the actor acts for themself.
ALTER TABLE outbox_events ADD COLUMN on_behalf_of uuid;
ALTER TABLE audit_entries ADD COLUMN on_behalf_of uuid;
