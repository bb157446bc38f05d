CREATE TABLE global_init_scripts (
    script_id TEXT PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    -- Base64
    script TEXT NOT NULL,
    -- 0, 1, 2 … in each workspace
    position BIGINT NOT NULL,
    enabled BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX global_init_scripts_workspace ON global_init_scripts (workspace_id);
