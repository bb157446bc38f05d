CREATE TABLE sql_sessions (
    session_id TEXT PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    warehouse_id TEXT NOT NULL,
    principal_id BIGINT NOT NULL,
    client_application TEXT,
    -- what USE and SET left behind: {"catalog","schema","conf","query_tags"}
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- within five minutes
    last_used_at BIGINT NOT NULL,
    closed_at BIGINT
);
CREATE INDEX sql_sessions_closed ON sql_sessions (closed_at, last_used_at);
CREATE TABLE statements (
    statement_id TEXT PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    warehouse_id TEXT NOT NULL,
    session_id TEXT,
    principal_id BIGINT NOT NULL,
    principal_name TEXT NOT NULL,
    -- which server runs it; NULL once it has ended
    server_id TEXT,
    -- PENDING, RUNNING, SUCCEEDED, FAILED or CANCELED
    state TEXT NOT NULL,
    -- results given back
    closed BIGINT NOT NULL DEFAULT 0,
    statement_type TEXT,
    -- the first 64 KiB
    statement_text TEXT NOT NULL,
    client_application TEXT,
    query_tags TEXT,
    started_at BIGINT NOT NULL,
    -- execution
    ended_at BIGINT,
    error_code TEXT,
    error_class TEXT,
    sql_state TEXT,
    error_message TEXT,
    num_modified_rows BIGINT,
    -- JSON, see statements/record.rs
    metrics TEXT
);
CREATE INDEX statements_workspace ON statements (workspace_id, started_at);
CREATE INDEX statements_principal ON statements (workspace_id, principal_id, started_at);
CREATE INDEX statements_server ON statements (server_id);
CREATE INDEX statements_started ON statements (started_at);
CREATE TABLE statement_profiles (
    statement_id TEXT PRIMARY KEY,
    started_at BIGINT NOT NULL,
    profile TEXT NOT NULL
);
CREATE INDEX statement_profiles_started ON statement_profiles (started_at);
