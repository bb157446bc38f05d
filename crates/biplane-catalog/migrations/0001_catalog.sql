-- Metastores, and everything in them: one row each, in a tree. A metastore is the root of its tree.
CREATE TABLE securables (
    id TEXT PRIMARY KEY,
    metastore_id TEXT NOT NULL,
    -- null for a metastore
    parent_id TEXT REFERENCES securables (id),
    -- METASTORE, CATALOG, SCHEMA, TABLE (views too), VOLUME, FUNCTION, EXTERNAL_LOCATION, STORAGE_CREDENTIAL
    kind TEXT NOT NULL,
    -- lower case
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    comment TEXT,
    -- what only this kind has
    details TEXT NOT NULL,
    -- columns of a table or view
    columns TEXT,
    -- where its data lies: a normal URL without a slash at the end
    location TEXT,
    -- the files at location are ours: they go when it goes
    managed BIGINT NOT NULL,
    -- usable in the workspaces of workspace_bindings only
    isolated BIGINT NOT NULL,
    -- made by the server; nobody changes it
    system BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL
);
CREATE UNIQUE INDEX securables_name ON securables (parent_id, kind, name);
CREATE UNIQUE INDEX securables_metastore_name ON securables (name) WHERE kind = 'METASTORE';
CREATE INDEX securables_location ON securables (metastore_id, location);
CREATE TABLE grants (
    securable_id TEXT NOT NULL REFERENCES securables (id) ON DELETE CASCADE,
    principal TEXT NOT NULL,
    privilege TEXT NOT NULL,
    PRIMARY KEY (securable_id, principal, privilege)
);
CREATE TABLE workspace_bindings (
    securable_id TEXT NOT NULL REFERENCES securables (id) ON DELETE CASCADE,
    workspace_id BIGINT NOT NULL,
    read_only BIGINT NOT NULL,
    PRIMARY KEY (securable_id, workspace_id)
);
CREATE TABLE metastore_assignments (
    workspace_id BIGINT PRIMARY KEY,
    metastore_id TEXT NOT NULL REFERENCES securables (id),
    default_catalog_name TEXT
);
-- Places for tables that are being made. What is not published by the deadline is swept.
CREATE TABLE staged_tables (
    id TEXT PRIMARY KEY,
    metastore_id TEXT NOT NULL,
    schema_id TEXT NOT NULL,
    name TEXT NOT NULL,
    location TEXT NOT NULL,
    -- a user's own place, never swept
    external BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    deadline BIGINT NOT NULL
);
CREATE INDEX staged_tables_deadline ON staged_tables (deadline);
-- Managed places nothing refers to any more.
CREATE TABLE storage_deletions (
    location TEXT PRIMARY KEY,
    due_at BIGINT NOT NULL
);
CREATE INDEX storage_deletions_due ON storage_deletions (due_at);
