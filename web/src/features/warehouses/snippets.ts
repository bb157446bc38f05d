/** What to paste into a tool to reach a warehouse. Tokens are named, never shown. */
import type { Warehouse } from '../../api/types';

export interface Address {
  host: string;
  port: string;
  path: string;
  /** Scheme, host, and port where it is not the usual one. */
  url: string;
  id: string;
  jdbc: string;
  secure: boolean;
}

/** As this browser reaches the server: tools beside it do the same. */
export function addressOf(warehouse: Warehouse, place: Pick<Location, 'hostname' | 'port' | 'protocol' | 'origin'>): Address {
  const secure = place.protocol === 'https:';
  const port = place.port || (secure ? '443' : '80');
  const path = warehouse.odbc_params?.path ?? `/sql/1.0/warehouses/${warehouse.id}`;
  return { host: place.hostname, port, path, url: place.origin, id: warehouse.id, jdbc: warehouse.jdbc_url ?? '', secure };
}

export interface Snippet {
  key: string;
  label: string;
  /** What to install first. */
  install: string;
  code: string;
  note?: string;
}

const PLAIN = 'This address is plain HTTP, which the tool asks to be told. Use TLS where others can listen.';

export function snippetsOf({ host, port, path, url, id, jdbc, secure }: Address): Snippet[] {
  const note = secure ? {} : { note: PLAIN };
  const usual = port === '443';
  return [
    {
      key: 'sdk',
      label: 'Python SDK',
      install: 'pip install databricks-sdk',
      code: [
        'import os',
        'from databricks.sdk import WorkspaceClient',
        '',
        'w = WorkspaceClient(',
        `    host="${url}",`,
        '    token=os.environ["DATABRICKS_TOKEN"],',
        ')',
        'answer = w.statement_execution.execute_statement(',
        '    "SELECT current_user(), now()",',
        `    warehouse_id="${id}",`,
        ')',
        'print(answer.result.data_array)',
      ].join('\n'),
    },
    {
      key: 'python',
      label: 'Python DB-API',
      install: 'pip install databricks-sql-connector',
      code: [
        'import os',
        'from databricks import sql',
        '',
        'with sql.connect(',
        `    server_hostname="${host}",`,
        `    http_path="${path}",`,
        '    access_token=os.environ["DATABRICKS_TOKEN"],',
        ...(secure ? (usual ? [] : [`    _port=${port},`]) : [`    _connection_uri="${url}${path}",`]),
        ') as connection, connection.cursor() as cursor:',
        '    cursor.execute("SELECT current_user(), now()")',
        '    print(cursor.fetchall())',
      ].join('\n'),
      ...note,
    },
    {
      key: 'jdbc',
      label: 'JDBC',
      install: 'com.databricks:databricks-jdbc',
      code: `${jdbc}UID=token;PWD=<a token>`,
      ...note,
    },
    {
      key: 'dbt',
      label: 'dbt',
      install: 'pip install dbt-databricks',
      code: [
        'biplane:',
        '  target: dev',
        '  outputs:',
        '    dev:',
        '      type: databricks',
        `      host: ${usual ? host : `${host}:${port}`}`,
        `      http_path: ${path}`,
        '      catalog: main',
        '      schema: default',
        '      token: "{{ env_var(\'DATABRICKS_TOKEN\') }}"',
        '      threads: 4',
      ].join('\n'),
      ...(secure ? {} : { note: 'dbt speaks TLS only. Let the server listen with --tls-listen.' }),
    },
    {
      key: 'node',
      label: 'Node.js',
      install: 'npm install @databricks/sql',
      code: [
        "import { DBSQLClient } from '@databricks/sql';",
        '',
        'const client = await new DBSQLClient().connect({',
        `  host: '${host}',`,
        ...(usual ? [] : [`  port: ${port},`]),
        `  path: '${path}',`,
        '  token: process.env.DATABRICKS_TOKEN,',
        '});',
        'const session = await client.openSession();',
        "const operation = await session.executeStatement('SELECT current_user(), now()');",
        'console.log(await operation.fetchAll());',
        'await client.close();',
      ].join('\n'),
      ...(secure ? {} : { note: 'This driver speaks TLS only. Let the server listen with --tls-listen.' }),
    },
    {
      key: 'cli',
      label: 'CLI',
      install: 'databricks configure',
      code: [
        `export DATABRICKS_HOST=${url}`,
        'export DATABRICKS_TOKEN=<a token>',
        'databricks api post /api/2.0/sql/statements --json \'{',
        `  "warehouse_id": "${id}",`,
        '  "statement": "SELECT current_user(), now()"',
        "}'",
      ].join('\n'),
    },
  ];
}
