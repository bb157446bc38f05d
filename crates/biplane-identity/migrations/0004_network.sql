CREATE TABLE network_policies (
    network_policy_id TEXT PRIMARY KEY,
    -- the policy as its administrator wrote it
    policy TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE network_connectivity_configs (
    config_id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE private_endpoint_rules (
    rule_id TEXT PRIMARY KEY,
    config_id TEXT NOT NULL REFERENCES network_connectivity_configs (config_id),
    endpoint_service TEXT NOT NULL,
    domain_names TEXT,
    resource_names TEXT,
    enabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX private_endpoint_rules_config ON private_endpoint_rules (config_id, rule_id);
CREATE TABLE ip_access_lists (
    list_id TEXT PRIMARY KEY,
    -- the workspace, 0 for the account
    scope_id BIGINT NOT NULL,
    label TEXT NOT NULL,
    -- ALLOW or BLOCK
    list_type TEXT NOT NULL,
    addresses TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by BIGINT NOT NULL
);
CREATE INDEX ip_access_lists_scope ON ip_access_lists (scope_id, created_at);
CREATE TABLE network_switches (
    -- the workspace, 0 for the account
    scope_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (scope_id, name)
);
CREATE TABLE private_access_settings (
    settings_id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    public_access BIGINT NOT NULL,
    -- ACCOUNT or ENDPOINT
    level TEXT NOT NULL,
    endpoint_ids TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE vpc_endpoints (
    endpoint_id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- its name in the cloud
    aws_id TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
ALTER TABLE workspaces ADD COLUMN network_policy_id TEXT;
ALTER TABLE workspaces ADD COLUMN network_connectivity_config_id TEXT;
ALTER TABLE workspaces ADD COLUMN private_access_settings_id TEXT;
