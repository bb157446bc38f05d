-- the operator wants nothing more there
ALTER TABLE nodes ADD COLUMN draining BIGINT NOT NULL DEFAULT 0;
-- JSON
ALTER TABLE nodes ADD COLUMN isolation_reasons TEXT NOT NULL DEFAULT '[]';
-- a word; empty before it was kept
ALTER TABLE outbound_accesses ADD COLUMN reason_code TEXT NOT NULL DEFAULT '';
-- what a warehouse did and used, in steps; nothing while nothing runs for it
CREATE TABLE warehouse_samples (
    warehouse_id TEXT NOT NULL,
    -- the beginning of the step
    sample_time BIGINT NOT NULL,
    engines BIGINT NOT NULL,
    running BIGINT NOT NULL,
    queued BIGINT NOT NULL,
    cpu_millis BIGINT NOT NULL,
    cpu_millis_max BIGINT NOT NULL,
    memory_bytes BIGINT NOT NULL,
    memory_bytes_max BIGINT NOT NULL,
    PRIMARY KEY (warehouse_id, sample_time)
);
CREATE INDEX warehouse_samples_time ON warehouse_samples (sample_time);
