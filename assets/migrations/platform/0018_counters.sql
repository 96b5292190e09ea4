-- The program counts inserted attempts and changed deliveries itself, each counter once in a transaction. These triggers
-- wrote the counters, and opened a savepoint, for every attempt. Deleted and stripped rows are still counted by triggers.
DROP TRIGGER attempt_added;
DROP TRIGGER delivery_added;
DROP TRIGGER delivery_state_changed;
