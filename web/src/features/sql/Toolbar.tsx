/** Run, cancel, warehouse, context and row limit. */
import { useQuery } from '@tanstack/react-query';
import { useState, type RefObject } from 'react';
import { catalogsQuery, schemasQuery } from '../../app/data';
import { formatCount } from '../../lib/format';
import { Button } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { TextField } from '../../ui/Fields';
import { Icon } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { toast } from '../../ui/Toasts';
import { WarehousePicker } from '../warehouses/WarehousePicker';
import type { EditorHandle } from './Editor';
import { resetSession } from './sessions';
import { saveSnippet } from './snippets';
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
  editor: RefObject<EditorHandle | null>;
}

export function Toolbar({ tab, running, rowLimit, onRowLimit, onRun, onRunAll, onCancel, editor }: ToolbarProps) {
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
      <EditorMenu tab={tab} running={running} editor={editor} />
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
        data-wide=""
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

function EditorMenu({ tab, running, editor }: Pick<ToolbarProps, 'tab' | 'running' | 'editor'>) {
  const [saving, setSaving] = useState<string | null>(null);
  const format = async () => {
    try {
      const { formatSql } = await import('./format-sql');
      editor.current?.replace(formatSql);
    } catch {
      toast('This text cannot be formatted: a bracket or a quote is open, or a word is not known.', 'danger');
    }
  };
  return (
    <>
      <Menu
        label="More editor actions"
        align="start"
        actions={[
          { label: 'Format', icon: 'edit', onSelect: () => void format() },
          { label: 'Save as snippet', icon: 'star', onSelect: () => setSaving(editor.current?.text() ?? '') },
          {
            label: 'Start a new session',
            icon: 'refresh',
            disabled: running || !tab.session,
            onSelect: () => {
              resetSession(tab.id);
              toast('The next statement runs in a new session.');
            },
          },
        ]}
      >
        <Icon name="more" />
      </Menu>
      {saving !== null && <SnippetDialog sql={saving} onClose={() => setSaving(null)} />}
    </>
  );
}

function SnippetDialog({ sql, onClose }: { sql: string; onClose: () => void }) {
  const [name, setName] = useState('');
  return (
    <FormDialog
      title="Save as snippet"
      submitLabel="Save"
      disabled={!name.trim() || !sql.trim()}
      onClose={onClose}
      onSubmit={async () => {
        saveSnippet(name.trim(), sql);
        toast('Snippet saved');
      }}
    >
      <TextField
        label="Name"
        maxLength={80}
        value={name}
        hint="Kept in this browser. The same name again replaces it."
        onChange={(event) => setName(event.target.value)}
      />
      <pre className="code-block" tabIndex={0} aria-label="Statement">
        {sql || 'The editor is empty.'}
      </pre>
    </FormDialog>
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
      style={{ width: 148 }}
      aria-label={label}
      title={value || none}
      value={value}
      disabled={disabled}
      onChange={(event) => onChange(event.target.value)}
    >
      {(value === '' || label === 'Schema') && <option value="">{none}</option>}
      {missing && <option value={value}>{value}</option>}
      {names.map(({ name }) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}
