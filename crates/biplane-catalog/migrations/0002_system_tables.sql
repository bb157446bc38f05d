-- Everybody reads the information schemas, each of which says so itself; the other system tables are not for all.
DELETE FROM grants WHERE principal = 'account users' AND privilege IN ('USE_SCHEMA', 'SELECT')
    AND securable_id IN (SELECT id FROM securables WHERE kind = 'CATALOG' AND system = 1);
