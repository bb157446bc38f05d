-- what the sandbox was given of its node
ALTER TABLE sandboxes ADD COLUMN cpu_millis BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sandboxes ADD COLUMN memory_bytes BIGINT NOT NULL DEFAULT 0;
