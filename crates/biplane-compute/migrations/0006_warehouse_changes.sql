-- Warehouses as they were after each change, for `system.compute.warehouses`.
CREATE TABLE warehouse_changes (
    warehouse_id TEXT NOT NULL,
    -- of the warehouse; the greatest number when it was deleted
    version BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    -- JSON, as in warehouses
    spec TEXT NOT NULL,
    change_time BIGINT NOT NULL,
    delete_time BIGINT,
    PRIMARY KEY (warehouse_id, version)
);
CREATE INDEX warehouse_changes_time ON warehouse_changes (change_time);
INSERT INTO warehouse_changes (warehouse_id, version, workspace_id, name, spec, change_time)
SELECT id, version, workspace_id, name, spec, updated_at FROM warehouses;
