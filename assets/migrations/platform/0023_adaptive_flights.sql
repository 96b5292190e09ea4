-- Limits on attempts in flight adapt in memory and begin anew when the platform starts.
ALTER TABLE subscriptions DROP COLUMN slow_start_limit;
