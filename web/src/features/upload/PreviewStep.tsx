/** How the file is read, its first rows, and the columns the table will have. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { ResultColumn } from '../../api/types';
import { DataGrid } from '../../results/DataGrid';
import { Button } from '../../ui/Button';
import { Checkbox, SelectField } from '../../ui/Fields';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { fetchRows, StatementFailed } from '../catalog/StatementPanel';
import { SqlErrorView } from '../sql/SqlErrorView';
import { WarehousePicker } from '../warehouses/WarehousePicker';
import { useWarehouse } from '../warehouses/selection';
import { ColumnTable } from './ColumnTable';
import type { UploadedFile } from './FileStep';
import { columnsProblem, previewStatement, type ColumnChoice, type FileFormat, type FileOptions } from './load-sql';

const PREVIEW_ROWS = 50;
const DELIMITERS: readonly [string, string][] = [
  [',', 'Comma'],
  [';', 'Semicolon'],
  ['\t', 'Tab'],
  ['|', 'Bar'],
];

interface PreviewProps {
  file: UploadedFile;
  options: FileOptions;
  onOptions: (options: FileOptions) => void;
  columns: ColumnChoice[] | null;
  onColumns: (columns: ColumnChoice[]) => void;
  onLoaded: (columns: readonly ResultColumn[]) => void;
}

export function PreviewStep({ file, options, onOptions, columns, onColumns, onLoaded }: PreviewProps) {
  const { warehouse, list } = useWarehouse();
  const [asked, setAsked] = useState(false);
  const running = warehouse?.state === 'RUNNING' || warehouse?.state === 'STARTING';
  const statement = previewStatement(file.path, options, PREVIEW_ROWS);
  const query = useQuery({
    queryKey: ['preview', statement, warehouse?.id],
    queryFn: ({ signal }) => fetchRows(statement, warehouse?.id ?? '', signal),
    enabled: warehouse !== undefined && (running || asked),
    retry: false,
    staleTime: 60_000,
  });
  const result = query.data;
  useEffect(() => {
    if (result) onLoaded(result.columns);
    // Only a new result counts.
  }, [result, options]);
  const problem = columns ? columnsProblem(columns) : undefined;
  return (
    <div className="card-body stack">
      <div className="read-options">
        <SelectField
          label="Format"
          value={options.format}
          onChange={(event) => onOptions({ ...options, format: event.target.value as FileFormat })}
        >
          <option value="csv">CSV</option>
          <option value="json">JSON</option>
          <option value="parquet">Parquet</option>
        </SelectField>
        {options.format === 'csv' && (
          <>
            <SelectField
              label="Separator"
              value={options.delimiter}
              onChange={(event) => onOptions({ ...options, delimiter: event.target.value })}
            >
              {DELIMITERS.map(([value, label]) => (
                <option key={label} value={value}>
                  {label}
                </option>
              ))}
            </SelectField>
            <Checkbox
              label="First row holds the names"
              checked={options.header}
              onChange={(event) => onOptions({ ...options, header: event.target.checked })}
            />
          </>
        )}
        {options.format !== 'parquet' && (
          <Checkbox
            label={options.format === 'csv' ? 'Values may span lines' : 'One value spans lines'}
            checked={options.multiLine}
            onChange={(event) => onOptions({ ...options, multiLine: event.target.checked })}
          />
        )}
        <span className="grow" />
        <WarehousePicker small={false} />
      </div>
      <div className="preview-rows">
        {result ? (
          result.columns.length > 0 ? (
            <DataGrid key={result.statementId} result={result} label="Preview" />
          ) : (
            <EmptyState icon="file" title="The file is empty">
              Choose another file.
            </EmptyState>
          )
        ) : query.error instanceof StatementFailed ? (
          <SqlErrorView error={{ ...query.error.detail, offset: undefined }} />
        ) : query.error ? (
          <ErrorState error={query.error} retry={() => void query.refetch()} />
        ) : list && !warehouse ? (
          <EmptyState icon="warehouse" title="No SQL warehouse">
            Files are read by a SQL warehouse. Create one on the warehouses page first.
          </EmptyState>
        ) : warehouse && !running && !asked ? (
          <EmptyState
            icon="warehouse"
            title={`${warehouse.name} is not running`}
            actions={
              <Button variant="primary" icon="play" onClick={() => setAsked(true)}>
                Start it and preview
              </Button>
            }
          >
            Files are read by a SQL warehouse. Start this one, or choose another.
          </EmptyState>
        ) : (
          <SkeletonRows rows={7} columns={5} />
        )}
      </div>
      {columns && <ColumnTable columns={columns} onChange={onColumns} />}
      {problem && (
        <p className="problem small" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
