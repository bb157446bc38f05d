-- what is to be installed on a cluster
CREATE TABLE cluster_libraries (
    cluster_id TEXT NOT NULL,
    -- JSON, always written the same way
    library TEXT NOT NULL,
    -- the order of installing
    position BIGINT NOT NULL,
    -- PENDING, INSTALLING, INSTALLED or FAILED
    status TEXT NOT NULL,
    -- JSON: what people are told of it
    messages TEXT NOT NULL,
    -- of the cluster: what status and messages are about
    generation BIGINT NOT NULL,
    -- the generation of the cluster that it was uninstalled in: gone in a later one
    uninstalled_in BIGINT,
    PRIMARY KEY (cluster_id, library)
);
-- what was done on a host of a cluster
CREATE TABLE cluster_host_setups (
    node_id TEXT PRIMARY KEY,
    -- init scripts ran
    scripts_ran BIGINT NOT NULL,
    -- JSON: libraries, as above
    libraries TEXT NOT NULL
);
