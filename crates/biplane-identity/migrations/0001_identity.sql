CREATE TABLE workspaces (
    workspace_id BIGINT PRIMARY KEY,
    workspace_name TEXT NOT NULL,
    -- Lower case; the first label of the workspace's host name.
    deployment_name TEXT NOT NULL UNIQUE,
    -- Lower case, without port; a host name of its own beside the deployment's.
    host_name TEXT UNIQUE,
    region TEXT NOT NULL,
    compute_mode TEXT NOT NULL,
    pricing_tier TEXT NOT NULL,
    custom_tags TEXT NOT NULL,
    status TEXT NOT NULL,
    status_message TEXT NOT NULL,
    created_by BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE principals (
    principal_id BIGINT PRIMARY KEY,
    -- user, group or service_principal
    kind TEXT NOT NULL,
    -- User name, group name or application id: what grants and owners are called.
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    display_name TEXT NOT NULL,
    display_key TEXT NOT NULL,
    given_name TEXT,
    family_name TEXT,
    emails TEXT NOT NULL,
    active BIGINT NOT NULL,
    external_id TEXT,
    roles TEXT NOT NULL,
    password_hash TEXT,
    -- 0, or the workspace of its system groups: only these may have the same name twice.
    scope_id BIGINT NOT NULL,
    -- The workspace a group was made in and is managed in; null for what belongs to the account.
    home_workspace_id BIGINT,
    system BIGINT NOT NULL,
    created_by BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (scope_id, name_key)
);
CREATE INDEX principals_kind ON principals (kind, name_key);
CREATE TABLE group_members (
    group_id BIGINT NOT NULL,
    member_id BIGINT NOT NULL,
    PRIMARY KEY (group_id, member_id)
);
CREATE INDEX group_members_member ON group_members (member_id);
CREATE TABLE workspace_permissions (
    workspace_id BIGINT NOT NULL,
    principal_id BIGINT NOT NULL,
    -- USER or ADMIN
    permission TEXT NOT NULL,
    PRIMARY KEY (workspace_id, principal_id)
);
CREATE INDEX workspace_permissions_principal ON workspace_permissions (principal_id);
CREATE TABLE workspace_entitlements (
    workspace_id BIGINT NOT NULL,
    principal_id BIGINT NOT NULL,
    entitlement TEXT NOT NULL,
    PRIMARY KEY (workspace_id, principal_id, entitlement)
);
CREATE TABLE tokens (
    token_id TEXT PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    principal_id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    comment TEXT NOT NULL,
    created_by BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX tokens_principal ON tokens (principal_id);
CREATE TABLE service_principal_secrets (
    secret_id TEXT PRIMARY KEY,
    principal_id BIGINT NOT NULL,
    secret_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX service_principal_secrets_principal ON service_principal_secrets (principal_id);
CREATE TABLE oauth_codes (
    code_hash TEXT PRIMARY KEY,
    -- All tokens that came of one sign-in; revoked together.
    family_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    principal_id BIGINT NOT NULL,
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    scope TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE TABLE oauth_refresh_tokens (
    token_hash TEXT PRIMARY KEY,
    family_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    principal_id BIGINT NOT NULL,
    scope TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX oauth_refresh_tokens_family ON oauth_refresh_tokens (family_id);
CREATE INDEX oauth_refresh_tokens_principal ON oauth_refresh_tokens (principal_id);
CREATE TABLE web_sessions (
    session_hash TEXT PRIMARY KEY,
    principal_id BIGINT NOT NULL,
    workspace_id BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX web_sessions_principal ON web_sessions (principal_id);
