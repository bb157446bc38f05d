-- Everybody in a workspace has had access to all of it so far.
INSERT INTO workspace_entitlements (workspace_id, principal_id, entitlement)
SELECT p.scope_id, p.principal_id, e.entitlement FROM principals p CROSS JOIN (
  SELECT 'workspace-access' AS entitlement UNION ALL SELECT 'databricks-sql-access') e
WHERE p.scope_id <> 0 AND p.name_key IN ('users', 'admins')
ON CONFLICT (workspace_id, principal_id, entitlement) DO NOTHING;
INSERT INTO workspace_entitlements (workspace_id, principal_id, entitlement)
SELECT p.scope_id, p.principal_id, e.entitlement FROM principals p CROSS JOIN (
  SELECT 'workspace-consume' AS entitlement UNION ALL SELECT 'allow-cluster-create'
  UNION ALL SELECT 'allow-instance-pool-create') e
WHERE p.scope_id <> 0 AND p.name_key = 'admins'
ON CONFLICT (workspace_id, principal_id, entitlement) DO NOTHING;
