CREATE TABLE warehouses (
    id TEXT PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    -- JSON: size, clusters, auto-stop, tags ...
    spec TEXT NOT NULL,
    creator_name TEXT NOT NULL,
    -- RUNNING or STOPPED: what is wanted, not what is
    desired_state TEXT NOT NULL,
    -- a sandbox of another generation is to be replaced
    generation BIGINT NOT NULL,
    -- grows with every change of the row
    version BIGINT NOT NULL,
    -- JSON: why the last start was given up
    failure TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (workspace_id, name)
);
CREATE TABLE sandboxes (
    id TEXT PRIMARY KEY,
    warehouse_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    generation BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX sandboxes_warehouse ON sandboxes (warehouse_id);
CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    isolation TEXT NOT NULL,
    cpus BIGINT NOT NULL,
    memory_bytes BIGINT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL
);
CREATE TABLE warehouse_configs (
    workspace_id BIGINT PRIMARY KEY,
    config TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE warehouse_overrides (
    workspace_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    warehouse_id TEXT,
    PRIMARY KEY (workspace_id, user_id)
);
