/** Where the table goes, and making it. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { runStatement } from '../../api/statements';
import { catalogsQuery, schemasQuery } from '../../app/data';
import { formatDuration } from '../../lib/format';
import { Link, navigate, pathOf } from '../../lib/router';
import { qualified } from '../../lib/sql';
import { parseSqlError, type SqlError } from '../../lib/sql-error';
import { Button } from '../../ui/Button';
import { Checkbox, TextField } from '../../ui/Fields';
import { EmptyState, ErrorNotice } from '../../ui/States';
import { nameProblem } from '../catalog/CreateDialogs';
import { Elapsed } from '../sql/Elapsed';
import { SqlErrorView } from '../sql/SqlErrorView';
import { openTab } from '../sql/tabs';
import { useWarehouse } from '../warehouses/selection';
import { NameSelect, type UploadedFile } from './FileStep';
import { columnsProblem, createStatement, tableNameOf, type ColumnChoice, type FileOptions } from './load-sql';

interface TableProps {
  file: UploadedFile;
  options: FileOptions;
  columns: ColumnChoice[];
  place: { catalog: string; schema: string };
  onAgain: () => void;
}

type Progress =
  | { state: 'idle' }
  | { state: 'running'; since: number }
  | { state: 'failed'; error: SqlError; statementId: string }
  | { state: 'broken'; error: unknown }
  | { state: 'done'; ms: number };

export function TableStep({ file, options, columns, place, onAgain }: TableProps) {
  const client = useQueryClient();
  const { warehouse } = useWarehouse();
  const [volumeCatalog = '', volumeSchema = ''] = file.path.split('/').slice(2);
  const [catalog, setCatalog] = useState(place.catalog || volumeCatalog);
  const [schema, setSchema] = useState(place.schema || volumeSchema);
  const [table, setTable] = useState(() => tableNameOf(file.name));
  const [replace, setReplace] = useState(false);
  const [progress, setProgress] = useState<Progress>({ state: 'idle' });
  const catalogs = useQuery(catalogsQuery);
  const schemas = useQuery({ ...schemasQuery(catalog), enabled: catalog !== '' });
  const statement = createStatement({ catalog, schema, table, replace }, file.path, options, columns);
  const ready = warehouse && catalog && schema && table && !nameProblem(table) && !columnsProblem(columns);
  const running = progress.state === 'running';

  const create = async () => {
    if (!warehouse) return;
    const since = Date.now();
    setProgress({ state: 'running', since });
    try {
      const response = await runStatement({ statement, warehouse_id: warehouse.id });
      if (response.status.state === 'SUCCEEDED') {
        setProgress({ state: 'done', ms: Date.now() - since });
        await client.invalidateQueries({ queryKey: ['uc'] });
        return;
      }
      const message = response.status.error?.message ?? `The statement ended as ${response.status.state}.`;
      const error = parseSqlError(message, statement, response.status.sql_state);
      setProgress({ state: 'failed', error, statementId: response.statement_id });
    } catch (error) {
      setProgress({ state: 'broken', error });
    }
  };
  if (progress.state === 'done') {
    const query = () => {
      openTab({ title: table, sql: `SELECT *\nFROM ${qualified(catalog, schema, table)}\nLIMIT 100;\n` });
      navigate('/sql');
    };
    return (
      <EmptyState
        icon="check"
        title={`${catalog}.${schema}.${table} is there`}
        actions={
          <>
            <Link className="button primary" to={pathOf('catalog', catalog, schema, table)}>
              Open the table
            </Link>
            <Button icon="sql" onClick={query}>
              Query it
            </Button>
            <Button onClick={onAgain}>Upload another</Button>
          </>
        }
      >
        Made in {formatDuration(progress.ms)}.
      </EmptyState>
    );
  }
  return (
    <div className="card-body stack">
      <div className="place">
        <NameSelect
          label="Catalog"
          value={catalog}
          names={catalogs.data}
          onChange={(name) => {
            setCatalog(name);
            setSchema('default');
          }}
        />
        <NameSelect label="Schema" value={schema} names={schemas.data} onChange={setSchema} />
        <TextField label="Table" value={table} problem={nameProblem(table)} onChange={(event) => setTable(event.target.value)} />
      </div>
      <Checkbox label="Replace the table if there is one of this name" checked={replace} onChange={(event) => setReplace(event.target.checked)} />
      <details className="column-choices">
        <summary>Show the statement</summary>
        <pre className="code-block" tabIndex={0}>
          {statement}
        </pre>
      </details>
      {progress.state === 'failed' && <SqlErrorView error={{ ...progress.error, offset: undefined }} statementId={progress.statementId} />}
      {progress.state === 'broken' && <ErrorNotice error={progress.error} />}
      <div className="row">
        <Button variant="primary" busy={running} disabled={!ready} onClick={() => void create()}>
          Create table
        </Button>
        <span className="muted" role="status">
          {running && <Elapsed since={progress.since} />}
          {running && warehouse && warehouse.state !== 'RUNNING' && ` Starting ${warehouse.name}…`}
        </span>
      </div>
    </div>
  );
}
