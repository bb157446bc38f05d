CREATE TABLE server_keys (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE object_permissions (
    workspace_id BIGINT NOT NULL,
    object_type TEXT NOT NULL,
    object_id TEXT NOT NULL,
    -- user, group or service_principal
    principal_kind TEXT NOT NULL,
    -- user name, group name or application id
    principal_name TEXT NOT NULL,
    permission_level TEXT NOT NULL,
    PRIMARY KEY (workspace_id, object_type, object_id, principal_kind, principal_name)
);
CREATE TABLE audit_events (
    event_id TEXT PRIMARY KEY,
    event_time BIGINT NOT NULL,
    workspace_id BIGINT,
    principal_id BIGINT,
    principal_name TEXT,
    operation TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status BIGINT NOT NULL,
    error_code TEXT,
    source_ip TEXT,
    user_agent TEXT,
    duration_us BIGINT NOT NULL
);
CREATE INDEX audit_events_time ON audit_events (event_time);
