CREATE TABLE cluster_policies (
    id TEXT PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    -- JSON: what the caller said
    spec TEXT NOT NULL,
    creator_name TEXT,
    -- one of those that every workspace has
    is_default BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (workspace_id, name)
);
