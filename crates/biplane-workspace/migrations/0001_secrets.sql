CREATE TABLE secret_scopes (
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, name)
);
CREATE TABLE secrets (
    workspace_id BIGINT NOT NULL,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    -- sealed, in Base64: the nonce, and what it was sealed to
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, scope, name)
);
