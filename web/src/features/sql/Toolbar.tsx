/** Run, cancel, warehouse, context and row limit. */
import { useQuery } from '@tanstack/react-query';
import { catalogsQuery, schemasQuery } from '../../app/data';
import { formatCount } from '../../lib/format';
import { Button } from '../../ui/Button';
import { WarehousePicker } from '../warehouses/WarehousePicker';
import { setContext, type SqlTab } from './tabs';

const LIMITS = [100, 1000, 10_000, 100_000];

interface ToolbarProps {
  tab: SqlTab;
  running: boolean;
  rowLimit: number;
  onRowLimit: (limit: number) => void;
  onRun: () => void;
  onRunAll: () => void;
  onCancel: () => void;
}

export function Toolbar({ tab, running, rowLimit, onRowLimit, onRun, onRunAll, onCancel }: ToolbarProps) {
  const catalogs = useQuery(catalogsQuery);
  const schemas = useQuery({ ...schemasQuery(tab.catalog ?? ''), enabled: Boolean(tab.catalog) });
  return (
    <div className="sql-toolbar" role="toolbar" aria-label="Run">
      {running ? (
        <Button small variant="danger" icon="stop" className="run" onClick={onCancel} title="Cancel (Esc)">
          Cancel
        </Button>
      ) : (
        <Button small variant="primary" icon="play" className="run" onClick={onRun} title="Run the statement at the cursor (Ctrl+Enter)">
          Run
        </Button>
      )}
      <Button small onClick={onRunAll} disabled={running} title="Run all statements (Ctrl+Shift+Enter)">
        Run all
      </Button>
      <span className="grow" />
      <NameSelect
        label="Catalog"
        none="Default catalog"
        value={tab.catalog ?? ''}
        names={catalogs.data}
        onChange={(name) => setContext(tab.id, name, name ? 'default' : '')}
      />
      <NameSelect
        label="Schema"
        none="Default schema"
        value={tab.schema ?? ''}
        names={tab.catalog ? schemas.data : []}
        disabled={!tab.catalog}
        onChange={(name) => setContext(tab.id, tab.catalog ?? '', name)}
      />
      <select
        className="select small"
        style={{ width: 124 }}
        aria-label="Row limit"
        title="How many rows to show. The CSV download has them all."
        value={rowLimit}
        onChange={(event) => onRowLimit(Number(event.target.value))}
      >
        {LIMITS.map((limit) => (
          <option key={limit} value={limit}>
            {formatCount(limit)} rows
          </option>
        ))}
      </select>
      <WarehousePicker />
    </div>
  );
}

interface NameSelectProps {
  label: string;
  none: string;
  value: string;
  names: readonly { name: string }[] | undefined;
  disabled?: boolean;
  onChange: (name: string) => void;
}

function NameSelect({ label, none, value, names = [], disabled = false, onChange }: NameSelectProps) {
  const missing = value !== '' && !names.some(({ name }) => name === value);
  return (
    <select
      className="select small"
      style={{ width: 132 }}
      aria-label={label}
      title={value || none}
      value={value}
      disabled={disabled}
      onChange={(event) => onChange(event.target.value)}
    >
      <option value="">{none}</option>
      {missing && <option value={value}>{value}</option>}
      {names.map(({ name }) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}
