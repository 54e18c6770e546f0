-- The first of the changes that a message about changed fields covers, up to `seq`; null for other messages.
ALTER TABLE webhooks_deliveries ADD COLUMN from_seq INTEGER;

CREATE INDEX webhooks_deliveries_replaceable ON webhooks_deliveries (webhook_id, event_id)
WHERE status = 'pending' AND from_seq IS NOT NULL;
