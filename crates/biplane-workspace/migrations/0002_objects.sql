CREATE TABLE workspace_objects (
    id BIGINT PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    path TEXT NOT NULL,
    -- of the directory it is in; empty for the root
    parent TEXT NOT NULL,
    -- DIRECTORY, NOTEBOOK, FILE
    kind TEXT NOT NULL,
    -- of notebooks
    language TEXT,
    size BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    UNIQUE (workspace_id, path)
);
CREATE INDEX workspace_objects_parent ON workspace_objects (workspace_id, parent);
CREATE TABLE workspace_contents (
    object_id BIGINT PRIMARY KEY,
    -- in Base64
    content TEXT NOT NULL
);
