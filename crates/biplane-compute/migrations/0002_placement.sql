CREATE TABLE warehouse_events (
    -- grows with time
    position BIGINT NOT NULL,
    warehouse_id TEXT NOT NULL,
    workspace_id BIGINT NOT NULL,
    -- STARTING, RUNNING, SCALED_UP, SCALED_DOWN, STOPPING or STOPPED
    event_type TEXT NOT NULL,
    cluster_count BIGINT NOT NULL,
    event_time BIGINT NOT NULL,
    PRIMARY KEY (warehouse_id, position)
);
CREATE INDEX warehouse_events_workspace ON warehouse_events (workspace_id, event_time);
CREATE INDEX warehouse_events_time ON warehouse_events (event_time);
ALTER TABLE nodes ADD COLUMN region TEXT NOT NULL DEFAULT '';
-- JSON
ALTER TABLE nodes ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';
