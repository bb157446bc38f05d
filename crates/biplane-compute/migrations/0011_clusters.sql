CREATE TABLE clusters (
    id TEXT PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    -- JSON: as it holds, defaults included
    spec TEXT NOT NULL,
    -- JSON: as it was asked for
    request TEXT NOT NULL,
    creator_name TEXT NOT NULL,
    source TEXT NOT NULL,
    -- PENDING, RUNNING, RESTARTING, RESIZING, TERMINATING or TERMINATED
    state TEXT NOT NULL,
    state_message TEXT NOT NULL,
    -- hosts of another generation are to end
    generation BIGINT NOT NULL,
    -- grows with every change of the row
    version BIGINT NOT NULL,
    workers BIGINT NOT NULL,
    -- JSON: why it ended last
    reason TEXT,
    pinned_at BIGINT,
    -- to be forgotten when nothing of it is left
    deleted BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    restarted_at BIGINT,
    terminated_at BIGINT
);
CREATE INDEX clusters_workspace ON clusters (workspace_id);
-- machines that were ordered and not seen to end
CREATE TABLE cluster_hosts (
    -- what the machine is, or will be, as a node
    node_id TEXT PRIMARY KEY,
    cluster_id TEXT NOT NULL,
    workspace_id BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    -- 0 = the driver
    ordinal BIGINT NOT NULL,
    provider TEXT NOT NULL,
    -- JSON: where it is, also when the workspace is no more
    place TEXT NOT NULL,
    node_type_id TEXT NOT NULL,
    cpu_millis BIGINT NOT NULL,
    memory_mib BIGINT NOT NULL,
    -- the provider's; NULL = it did not say yet
    host_id TEXT,
    private_ip TEXT,
    is_spot BIGINT NOT NULL,
    -- it joined
    ready BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (cluster_id, generation, ordinal)
);
CREATE TABLE cluster_events (
    cluster_id TEXT NOT NULL,
    -- grows with time
    position BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    event_time BIGINT NOT NULL,
    -- JSON
    details TEXT NOT NULL,
    PRIMARY KEY (cluster_id, position)
);
CREATE INDEX cluster_events_time ON cluster_events (event_time);
