// Does everything once and prints one line of JSON; the assertions are in test_node.py.
'use strict';
const fs = require('fs');
const { DBSQLClient } = require('@databricks/sql');
const { TGetInfoType } = require('@databricks/sql/thrift/TCLIService_types');

async function rows(operation) {
  const found = await operation.fetchAll();
  await operation.close();
  return found;
}

async function count(session, options) {
  const operation = await session.executeStatement(
    "SELECT id, repeat('x', 50) AS filler FROM range(300000)", options);
  let total = 0;
  do {
    total += (await operation.fetchChunk({ maxRows: 100000 })).length;
  } while (await operation.hasMoreRows());
  await operation.close();
  return total;
}

async function failure(work) {
  try {
    await work();
  } catch (error) {
    return String(error.message);
  }
  return 'no error';
}

async function canceled(session) {
  const operation = await session.executeStatement(
    'SELECT count(*) FROM range(100000000000) a WHERE a.id % 7 = 3', { maxRows: null });
  const waiting = failure(() => operation.fetchAll());
  await operation.cancel();
  return /cancel|closed/i.test(await waiting);
}

async function main() {
  const client = new DBSQLClient();
  await client.connect({
    host: '127.0.0.1',
    port: Number(process.env.TEST_PORT),
    path: process.env.TEST_PATH,
    token: process.env.TEST_TOKEN,
    customCaCert: fs.readFileSync(process.env.TEST_CA),
    checkServerCertificate: true,
    telemetryEnabled: false,
  });
  const session = await client.openSession({ initialCatalog: 'nodejs', initialSchema: 'default' });
  const run = async (statement, options) => rows(await session.executeStatement(statement, options));
  const out = {};
  out.select = await run(
    "SELECT 1 AS one, 'x' AS text, CAST(1.25 AS DECIMAL(5,2)) AS d, CAST(NULL AS INT) AS nothing, array(1, 2) AS list");
  out.named = await run('SELECT :a AS a, :b AS b, :c AS c', { namedParameters: { a: 42, b: "it's", c: null } });
  out.positional = await run('SELECT ? AS a, ? AS b', { ordinalParameters: [1, 'two'] });
  out.cloud_fetch = await count(session, { useCloudFetch: true });
  out.inline = await count(session, { useCloudFetch: false });
  await run('CREATE TABLE t (n INT)');
  await run('INSERT INTO t VALUES (1), (2)');
  out.inserted = await run('SELECT n FROM t ORDER BY n');
  out.error = await failure(() => run('SELECT * FROM nowhere'));
  out.catalogs = (await rows(await session.getCatalogs())).map((row) => row.TABLE_CAT);
  out.schemas = (await rows(await session.getSchemas({ catalogName: 'nodejs' }))).map((row) => row.TABLE_SCHEM);
  const where = { catalogName: 'nodejs', schemaName: 'default', tableName: '%' };
  out.tables = (await rows(await session.getTables(where))).map((row) => row.TABLE_NAME);
  out.columns = (await rows(await session.getColumns({ ...where, tableName: 't' }))).map((row) => row.COLUMN_NAME);
  out.table_types = (await rows(await session.getTableTypes())).map((row) => row.TABLE_TYPE);
  out.types = (await rows(await session.getTypeInfo())).map((row) => row.TYPE_NAME);
  out.functions = (await rows(await session.getFunctions({ functionName: 'nothing_like_it' }))).length;
  out.keys = (await rows(await session.getPrimaryKeys({ catalogName: 'nodejs', schemaName: 'default', tableName: 't' }))).length;
  out.dbms = (await session.getInfo(TGetInfoType.CLI_DBMS_NAME)).getValue();
  out.canceled = await canceled(session);
  await session.close();
  await client.close();
  console.log(JSON.stringify(out));
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
