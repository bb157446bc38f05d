-- Mark of a profile that stands for those of people; it is told, nothing more.
ALTER TABLE instance_profiles ADD COLUMN is_meta BIGINT NOT NULL DEFAULT 0;
-- JSON: specification and request from when the cluster has ended or begins anew; NULL = as they are
ALTER TABLE clusters ADD COLUMN pending TEXT;
