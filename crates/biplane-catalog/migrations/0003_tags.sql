-- Tags of securables and of their columns.
CREATE TABLE tags (
    securable_id TEXT NOT NULL REFERENCES securables (id) ON DELETE CASCADE,
    -- lower case; empty: of the securable itself
    column_name TEXT NOT NULL,
    tag_key TEXT NOT NULL,
    tag_value TEXT NOT NULL,
    PRIMARY KEY (securable_id, column_name, tag_key)
);
