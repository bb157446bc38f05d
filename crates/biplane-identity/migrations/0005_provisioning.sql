CREATE TABLE credentials (
    credentials_id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role_arn TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE storage_configurations (
    configuration_id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    bucket TEXT NOT NULL,
    role_arn TEXT,
    created_at BIGINT NOT NULL
);
CREATE TABLE networks (
    network_id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    vpc_id TEXT NOT NULL,
    subnet_ids TEXT NOT NULL,
    security_group_ids TEXT NOT NULL,
    -- VPC endpoints that lead to the REST API and to the relay
    rest_endpoint_ids TEXT NOT NULL,
    relay_endpoint_ids TEXT NOT NULL,
    -- VALID, WARNED or BROKEN; null: not looked at since it was attached
    status TEXT,
    -- what was found: [{what, message, broken}]
    findings TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE customer_managed_keys (
    key_id TEXT PRIMARY KEY,
    use_cases TEXT NOT NULL,
    key_arn TEXT NOT NULL,
    key_alias TEXT,
    key_region TEXT NOT NULL,
    -- whether it encrypts the disks of hosts too
    disks BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
ALTER TABLE workspaces ADD COLUMN credentials_id TEXT;
ALTER TABLE workspaces ADD COLUMN storage_configuration_id TEXT;
ALTER TABLE workspaces ADD COLUMN network_id TEXT;
ALTER TABLE workspaces ADD COLUMN storage_key_id TEXT;
