/** The wire types the app speaks of, under the names it uses. They come from the generated schema. */
import type { components } from './schema';

type Schemas = components['schemas'];

/** The server leaves out what is absent and never sends null for it; the schema allows both. */
type Present<T> = T extends readonly (infer E)[]
  ? E extends object
    ? Present<E>[]
    : T
  : T extends object
    ? { [K in keyof T]: Present<Exclude<T[K], null>> }
    : T;

export type Session = Present<Schemas['SessionInfo']>;

export type WarehouseState = Schemas['WarehouseState'];
export interface Tag {
  key: string;
  value: string;
}
export type Warehouse = Omit<Present<Schemas['WarehouseInfo']>, 'tags'> & { tags: { custom_tags?: Tag[] } };
export type WarehouseSpec = Pick<
  Present<Required<Schemas['WarehouseRequest']>>,
  'name' | 'cluster_size' | 'min_num_clusters' | 'max_num_clusters' | 'auto_stop_mins' | 'tags'
>;

export type ObjectPermissions = Present<Schemas['ObjectPermissions']>;
export type AccessControl = Present<Schemas['AccessControl']>;
export type AccessControlRequest = Present<Schemas['AccessControlRequest']>;
export type PermissionLevel = Present<Schemas['PermissionDescription']>;

export type SqlSession = Present<Schemas['SqlSessionInfo']>;
export type StatementParameter = Present<Schemas['StatementParameter']>;

/** The schema knows these as text. */
export type StatementState = 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELED' | 'CLOSED';
type StatementStatus = Omit<Present<Schemas['StatementStatus']>, 'state'> & { state: StatementState };
export type StatementRequest = Present<Schemas['ExecuteStatementRequest']> & { statement: string };
export type ResultColumn = Pick<Schemas['ResultColumn'], 'name' | 'type_name' | 'type_text'>;
export type ChunkInfo = Pick<Schemas['ChunkInfo'], 'chunk_index' | 'row_offset' | 'row_count'>;
export type Row = readonly (string | null)[];
export type ExternalLink = Present<Schemas['ExternalLink']>;
export type ResultData = Omit<Present<Schemas['ResultData']>, 'data_array'> & { data_array?: Row[] };

/** As much of a manifest as is read here. */
export interface ResultManifest {
  schema: { columns?: ResultColumn[] };
  chunks?: ChunkInfo[];
  total_row_count?: number;
  truncated?: boolean;
}

export interface StatementResponse {
  statement_id: string;
  status: StatementStatus;
  manifest?: ResultManifest;
  result?: ResultData;
}

export type QueryStatus = 'QUEUED' | 'STARTED' | 'COMPILING' | 'COMPILED' | 'RUNNING' | 'FINISHED' | 'FAILED' | 'CANCELED';
export type QueryMetrics = Partial<Present<Schemas['QueryMetrics']>>;
export type QueryInfo = Omit<Present<Schemas['QueryInfo']>, 'status' | 'metrics'> & {
  status: QueryStatus;
  metrics?: QueryMetrics;
};

/** The schema leaves the profile's tree open. */
export interface PlanNode {
  name: string;
  detail?: string;
  rows?: number;
  elapsed_ms?: number;
  bytes?: number;
  spilled_bytes?: number;
  children?: PlanNode[];
}

export type CatalogInfo = Present<Schemas['CatalogInfo']>;
export type SchemaInfo = Present<Schemas['SchemaInfo']>;
/** Columns and tokens are also sent, where less is needed; what is read is always there. */
export type ColumnInfo = Present<Schemas['ColumnInfo']> & { type_name: string; type_text: string };
export type TableInfo = Omit<Present<Schemas['TableInfo']>, 'columns'> & { columns?: ColumnInfo[] };
export type VolumeInfo = Present<Schemas['VolumeInfo']>;
export type FunctionInfo = Present<Schemas['FunctionInfo']>;
export type SecurableType = 'CATALOG' | 'SCHEMA' | 'TABLE' | 'VOLUME' | 'FUNCTION';

/** What every securable carries. */
export type Securable = Pick<
  TableInfo,
  'name' | 'owner' | 'comment' | 'created_at' | 'created_by' | 'updated_at' | 'updated_by'
> & { full_name?: string };

export type PrivilegeAssignment = Present<Schemas['PrivilegeAssignment']>;
export type EffectiveAssignment = Present<Schemas['EffectivePrivilegeAssignment']>;
export type PermissionChange = Present<Schemas['PermissionsChange']>;

export type DirectoryEntry = Present<Schemas['DirectoryEntry']>;
export type TokenInfo = Present<Schemas['TokenInfo']> & { creation_time: number; expiry_time: number };

type Scim = Present<Schemas['ScimResource']>;
export type ScimUser = Scim & { id: string; userName: string };
export type ScimGroup = Scim & { id: string; displayName: string };
export type ScimServicePrincipal = Scim & { id: string; applicationId: string };
export type ServicePrincipalSecret = Present<Schemas['SecretInfo']>;

export type Sandbox = Present<Schemas['SandboxInfo']>;
export type SandboxTraffic = Schemas['SandboxTraffic'];
export type HostInfo = Present<Schemas['NodeInfo']>;
export type WarehouseEvent = Present<Schemas['WarehouseEvent']>;
export type WarehouseSample = Schemas['WarehouseSample'];
export type WarehouseSamples = Present<Schemas['WarehouseSamples']>;

export type AccessOutcome = 'DENIED' | 'ALLOWED' | 'DRY_RUN';
export type OutboundAccess = Omit<Present<Schemas['OutboundAccessInfo']>, 'outcome'> & { outcome: AccessOutcome };
/** The schema leaves what is about the other way open; it is not asked for here. */
export interface NetworkPolicy {
  network_policy_id?: string;
  egress?: { network_access?: NetworkAccess };
}
export type NetworkAccess = Omit<Partial<Present<Schemas['NetworkAccess']>>, 'allowed_databricks_destinations'>;
export type WorkspaceNetwork = Omit<Partial<Present<Schemas['WorkspaceNetwork']>>, 'network_policy'> & { network_policy: NetworkPolicy };
export type ConnectivityConfig = Present<Schemas['NetworkConnectivityConfig']> & { network_connectivity_config_id: string; name: string; region: string };
export type IpAccessList = Present<Schemas['IpAccessListInfo']>;
export type IpAccessListRequest = Partial<Present<Schemas['IpAccessListRequest']>>;
export type WorkspaceInfo = Present<Schemas['WorkspaceInfo']>;

export type ClusterState = Schemas['ClusterState'];
/** What a cluster is asked to be. What the app does not know of stays as it is. */
export type ClusterSpec = Present<Schemas['ClusterSpec']>;
export type Cluster = Present<Schemas['ClusterInfo']>;
export type ClusterHost = Present<Schemas['SparkNode']>;
export type NodeType = Schemas['NodeTypeInfo'];
export type ClusterLogPiece = Schemas['ClusterLogPiece'];
export type Library = Present<Schemas['Library']>;
export type LibraryStatus = Schemas['LibraryStatus'];
export type LibraryFullStatus = Omit<Present<Schemas['LibraryFullStatus']>, 'library' | 'messages'> & { library: Library; messages?: string[] };
export type RuntimeVersion = Schemas['SparkVersion'];
/** The schema leaves the details open. */
export type ClusterEvent = Omit<Schemas['ClusterEvent'], 'details'> & { details: Record<string, unknown> };

/** What an account keeps has an id and a name; the schema leaves both open, as requests have none. */
type Named<T, K extends keyof T> = T & { [P in K]-?: NonNullable<T[P]> };
export type Credentials = Named<Present<Schemas['Credentials']>, 'credentials_id' | 'credentials_name'>;
export type StorageConfiguration = Named<Present<Schemas['StorageConfiguration']>, 'storage_configuration_id' | 'storage_configuration_name'>;
export type CloudNetwork = Named<Present<Schemas['Network']>, 'network_id' | 'network_name'>;
export type ManagedKey = Named<Present<Schemas['CustomerManagedKey']>, 'customer_managed_key_id'>;
export type VpcEndpoint = Named<Present<Schemas['VpcEndpoint']>, 'vpc_endpoint_id' | 'vpc_endpoint_name'>;
export type PrivateAccess = Named<Present<Schemas['PrivateAccessSettings']>, 'private_access_settings_id' | 'private_access_settings_name'>;
export type WorkspaceRequest = Partial<Present<Schemas['WorkspaceRequest']>>;
export type Assignment = Present<Schemas['PermissionAssignment']>;
export type Metastore = Present<Schemas['MetastoreInfo']>;

export type PolicySpec = Present<Schemas['PolicySpec']>;
export type Policy = Present<Schemas['Policy']>;
export type PolicyFamily = Present<Schemas['PolicyFamily']>;
export type Compliance = Present<Schemas['Compliance']>;
export type SettingsChange = Present<Schemas['SettingsChange']>;
export type WorkspaceObject = Present<Schemas['ObjectInfo']>;
export type InstancePool = Present<Schemas['InstancePool']>;
export type InstancePoolSpec = Present<Schemas['InstancePoolSpec']>;
