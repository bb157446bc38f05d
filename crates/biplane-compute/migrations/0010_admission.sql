-- Nodes are let in by tokens now. Those that were let in before join again.
DELETE FROM nodes;
-- nodes of one host share it: an agent and the one that takes over from it
ALTER TABLE nodes ADD COLUMN host_id TEXT NOT NULL DEFAULT '';
-- certificates of another admission are not good any more
ALTER TABLE nodes ADD COLUMN admission TEXT NOT NULL DEFAULT '';
ALTER TABLE nodes ADD COLUMN certificate_expires_at BIGINT NOT NULL DEFAULT 0;
-- the latest agent that connected (`Agent` of biplane-proto); its run is 64 bits in hex
ALTER TABLE nodes ADD COLUMN incarnation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN run TEXT NOT NULL DEFAULT '';
CREATE TABLE node_tokens (
    id TEXT PRIMARY KEY,
    -- SHA-256
    secret_hash TEXT NOT NULL,
    -- what the node will be
    node_id TEXT NOT NULL,
    region TEXT NOT NULL,
    labels TEXT NOT NULL,
    comment TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    -- SHA-256 of the key it was used with: the same key may ask again, if the answer was lost
    key_hash TEXT
);
CREATE INDEX node_tokens_time ON node_tokens (created_at);
