/** The wire types the web app uses: the public REST of the server, as far as it is read here. */

export interface Session {
  user_name: string;
  display_name?: string | null;
  /** Absent for somebody who is in no workspace. */
  workspace_id?: string;
  account_id: string;
  workspace_admin: boolean;
  account_admin: boolean;
}

export type WarehouseState = 'STARTING' | 'RUNNING' | 'STOPPING' | 'STOPPED' | 'DELETING' | 'DELETED';

export interface Warehouse {
  id: string;
  name: string;
  state: WarehouseState;
  cluster_size: string;
  min_num_clusters?: number;
  max_num_clusters?: number;
  num_clusters?: number;
  num_active_sessions?: number;
  auto_stop_mins?: number;
  warehouse_type?: string;
  enable_serverless_compute?: boolean;
  creator_name?: string;
  jdbc_url?: string;
  odbc_params?: { hostname?: string; path?: string; port?: number; protocol?: string };
  health?: { status?: string; summary?: string; message?: string; details?: string };
}

export interface WarehouseSpec {
  name: string;
  cluster_size: string;
  min_num_clusters: number;
  max_num_clusters: number;
  auto_stop_mins: number;
}

export type StatementState = 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELED' | 'CLOSED';

export interface StatementError {
  error_code?: string;
  message?: string;
}

export interface StatementStatus {
  state: StatementState;
  sql_state?: string;
  error?: StatementError;
}

export interface ResultColumn {
  name: string;
  position?: number;
  type_name: string;
  type_text: string;
  type_precision?: number;
  type_scale?: number;
}

export interface ChunkInfo {
  chunk_index: number;
  row_offset: number;
  row_count: number;
  byte_count?: number;
}

export interface ResultManifest {
  format: string;
  schema: { column_count?: number; columns?: ResultColumn[] };
  total_chunk_count?: number;
  chunks?: ChunkInfo[];
  total_row_count?: number;
  total_byte_count?: number;
  truncated?: boolean;
}

export type Row = readonly (string | null)[];

export interface ExternalLink {
  external_link: string;
  chunk_index?: number;
  row_count?: number;
  byte_count?: number;
  next_chunk_index?: number;
  http_headers?: Record<string, string>;
}

export interface ResultData {
  chunk_index?: number;
  row_offset?: number;
  row_count?: number;
  next_chunk_index?: number;
  data_array?: Row[];
  external_links?: ExternalLink[];
}

export interface StatementResponse {
  statement_id: string;
  status: StatementStatus;
  manifest?: ResultManifest;
  result?: ResultData;
}

export interface StatementRequest {
  statement: string;
  warehouse_id: string;
  catalog?: string;
  schema?: string;
  wait_timeout?: string;
  on_wait_timeout?: 'CONTINUE' | 'CANCEL';
  disposition?: 'INLINE' | 'EXTERNAL_LINKS';
  format?: 'JSON_ARRAY' | 'CSV' | 'ARROW_STREAM';
  row_limit?: number;
  byte_limit?: number;
}

export interface QueryMetrics {
  total_time_ms?: number;
  compilation_time_ms?: number;
  execution_time_ms?: number;
  overloading_queue_time_ms?: number;
  provisioning_queue_time_ms?: number;
  read_bytes?: number;
  rows_read_count?: number;
  rows_produced_count?: number;
  spill_to_disk_bytes?: number;
  result_from_cache?: boolean;
  read_files_count?: number;
  pruned_files_count?: number;
  pruned_bytes?: number;
  write_remote_bytes?: number;
  network_sent_bytes?: number;
  peak_memory_bytes?: number;
}

export type QueryStatus =
  | 'QUEUED'
  | 'STARTED'
  | 'COMPILING'
  | 'COMPILED'
  | 'RUNNING'
  | 'FINISHED'
  | 'FAILED'
  | 'CANCELED';

export interface QueryInfo {
  query_id: string;
  query_text?: string;
  status: QueryStatus;
  statement_type?: string;
  warehouse_id?: string;
  user_id?: number | string;
  user_name?: string;
  executed_as_user_name?: string;
  query_start_time_ms?: number;
  execution_end_time_ms?: number;
  query_end_time_ms?: number;
  duration?: number;
  rows_produced?: number;
  error_message?: string;
  is_final?: boolean;
  client_application?: string;
  session_id?: string;
  metrics?: QueryMetrics;
}

export interface PlanNode {
  name: string;
  detail?: string;
  rows?: number;
  elapsed_ms?: number;
  bytes?: number;
  spilled_bytes?: number;
  children?: PlanNode[];
}

/** What every securable carries. */
export interface Securable {
  name: string;
  full_name?: string;
  owner?: string;
  comment?: string | null;
  created_at?: number;
  created_by?: string;
  updated_at?: number;
  updated_by?: string;
}

export interface CatalogInfo extends Securable {
  catalog_type?: string;
  storage_root?: string;
  storage_location?: string;
  isolation_mode?: string;
  properties?: Record<string, string>;
}

export interface SchemaInfo extends Securable {
  catalog_name: string;
  schema_id?: string;
  storage_location?: string;
  properties?: Record<string, string>;
}

export interface ColumnInfo {
  name: string;
  position?: number;
  type_name: string;
  type_text: string;
  nullable?: boolean;
  partition_index?: number;
  comment?: string | null;
}

export interface TableInfo extends Securable {
  catalog_name: string;
  schema_name: string;
  table_id?: string;
  table_type: string;
  data_source_format?: string;
  columns?: ColumnInfo[];
  storage_location?: string;
  view_definition?: string;
  properties?: Record<string, string>;
}

export interface VolumeInfo extends Securable {
  catalog_name: string;
  schema_name: string;
  volume_id?: string;
  volume_type: string;
  storage_location?: string;
}

export interface FunctionParameter {
  name: string;
  type_text: string;
  comment?: string;
}

export interface FunctionInfo extends Securable {
  catalog_name: string;
  schema_name: string;
  function_id?: string;
  input_params?: { parameters?: FunctionParameter[] };
  data_type?: string;
  full_data_type?: string;
  routine_body?: string;
  routine_definition?: string;
}

export type SecurableType = 'CATALOG' | 'SCHEMA' | 'TABLE' | 'VOLUME' | 'FUNCTION';

export interface PrivilegeAssignment {
  principal: string;
  privileges: string[];
}

export interface EffectivePrivilege {
  privilege: string;
  inherited_from_type?: string;
  inherited_from_name?: string;
}

export interface EffectiveAssignment {
  principal: string;
  privileges: EffectivePrivilege[];
}

export interface PermissionChange {
  principal: string;
  add?: string[];
  remove?: string[];
}

export interface DirectoryEntry {
  path: string;
  name: string;
  is_directory: boolean;
  file_size?: number;
  last_modified?: number;
}

export interface TokenInfo {
  token_id: string;
  comment?: string;
  creation_time: number;
  /** -1 is never. */
  expiry_time: number;
}

export interface ScimReference {
  value: string;
  display?: string;
}

export interface ScimUser {
  id: string;
  userName: string;
  displayName?: string;
  active?: boolean;
  groups?: ScimReference[];
  entitlements?: ScimReference[];
}

export interface ScimGroup {
  id: string;
  displayName: string;
  members?: ScimReference[];
}

export interface ScimServicePrincipal {
  id: string;
  applicationId: string;
  displayName?: string;
  active?: boolean;
}

export interface ServicePrincipalSecret {
  id: string;
  secret?: string;
  status?: string;
  create_time?: string;
  expire_time?: string;
}
