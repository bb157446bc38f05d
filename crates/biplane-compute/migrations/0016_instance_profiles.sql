CREATE TABLE instance_profiles (
    workspace_id BIGINT NOT NULL,
    arn TEXT NOT NULL,
    iam_role_arn TEXT,
    added_by TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, arn)
);
