-- Recipients whose result is not counted yet: those who could not be reached stay, and are passed over.
CREATE INDEX broadcasts_recipients_unsettled ON broadcasts_recipients (delivery_id) WHERE is_unreachable = 0;
