CREATE TABLE instance_pools (
    id TEXT PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    -- JSON
    spec TEXT NOT NULL,
    creator_name TEXT NOT NULL,
    -- JSON: why hosts could not be had; NULL = they could
    problems TEXT,
    -- to be forgotten when nothing of it is left
    deleted BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX instance_pools_workspace ON instance_pools (workspace_id);
-- machines that are in no cluster: ordered, or ready
CREATE TABLE pool_hosts (
    node_id TEXT PRIMARY KEY,
    pool_id TEXT NOT NULL,
    workspace_id BIGINT NOT NULL,
    provider TEXT NOT NULL,
    -- JSON
    place TEXT NOT NULL,
    node_type_id TEXT NOT NULL,
    cpu_millis BIGINT NOT NULL,
    memory_mib BIGINT NOT NULL,
    host_id TEXT,
    private_ip TEXT,
    is_spot BIGINT NOT NULL,
    ready BIGINT NOT NULL,
    -- nobody gets it any more
    ending BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    idle_since BIGINT NOT NULL
);
CREATE INDEX pool_hosts_pool ON pool_hosts (pool_id);
-- the pool that a machine of a cluster is of
ALTER TABLE cluster_hosts ADD COLUMN pool_id TEXT;
