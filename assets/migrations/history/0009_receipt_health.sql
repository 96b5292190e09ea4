-- What a listener found of a refusal: the subject of the receiver's answer, and the fault of a signature.
ALTER TABLE received_deliveries ADD COLUMN answer_topic TEXT;
ALTER TABLE received_deliveries ADD COLUMN signature_fault TEXT;
ALTER TABLE refused_deliveries ADD COLUMN subscription INTEGER;
ALTER TABLE refused_deliveries ADD COLUMN signature_fault TEXT;

-- Reason of a refused call as a stable word.
ALTER TABLE relayed_calls ADD COLUMN refusal_reason TEXT;

-- Health of subscriptions is counted from this index alone.
CREATE INDEX received_deliveries_health ON received_deliveries (subscription, at, event, answered_status, failure, elapsed_ms);
