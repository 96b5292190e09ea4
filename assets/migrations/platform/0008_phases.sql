-- Where an attempt's time went, in microseconds; null for a phase that it did not come to.

ALTER TABLE attempts ADD COLUMN dns_us INTEGER;
ALTER TABLE attempts ADD COLUMN connect_us INTEGER;
ALTER TABLE attempts ADD COLUMN tls_us INTEGER;
ALTER TABLE attempts ADD COLUMN head_us INTEGER;
ALTER TABLE attempts ADD COLUMN body_us INTEGER;
