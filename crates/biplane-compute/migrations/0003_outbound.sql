-- What sandboxes tried to reach; the columns of `system.access.outbound_network`, and what we know more.
CREATE TABLE outbound_accesses (
    event_id TEXT PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    event_time BIGINT NOT NULL,
    -- DNS, IP or STORAGE
    destination_type TEXT NOT NULL,
    destination TEXT NOT NULL,
    -- JSON: {"domain_name", "rcode"}
    dns_event TEXT,
    -- JSON: {"hostname", "path", "rejection_reason"}
    storage_event TEXT,
    -- DROP, DRY_RUN or ALLOW
    access_type TEXT NOT NULL,
    network_source_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    sandbox_id TEXT NOT NULL,
    port BIGINT NOT NULL,
    reason TEXT NOT NULL,
    -- others like this one that were counted only
    suppressed BIGINT NOT NULL
);
CREATE INDEX outbound_accesses_workspace ON outbound_accesses (workspace_id, event_time);
CREATE INDEX outbound_accesses_time ON outbound_accesses (event_time);
