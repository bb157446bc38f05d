/** A table or view: columns, sample rows, details, history, permissions. */
import { useQuery } from '@tanstack/react-query';
import { tableQuery } from '../../../app/data';
import type { TableInfo } from '../../../api/types';
import { titleCase } from '../../../lib/format';
import { navigate } from '../../../lib/router';
import { qualified } from '../../../lib/sql';
import { Button } from '../../../ui/Button';
import { EmptyState, ErrorState, SkeletonRows } from '../../../ui/States';
import { TableWrap } from '../../../ui/TableWrap';
import { Tabs } from '../../../ui/Tabs';
import { openTab } from '../../sql/tabs';
import { DetailList, propertyRows, standardRows } from '../DetailList';
import { ObjectHeader } from '../ObjectHeader';
import { PermissionsTab } from '../PermissionsTab';
import { StatementPanel } from '../StatementPanel';
import { fullName, type Target } from '../target';
import { tableIcon } from '../tree/nodes';
import { useTab } from '../useTab';

const TABS = [
  { key: 'columns', label: 'Columns' },
  { key: 'sample', label: 'Sample data' },
  { key: 'details', label: 'Details' },
  { key: 'history', label: 'History' },
  { key: 'permissions', label: 'Permissions' },
] as const;
const SAMPLE_ROWS = 100;

export function TableView({ target }: { target: Target }) {
  const name = fullName(target);
  const [tab, setTab] = useTab(TABS.map(({ key }) => key), 'columns');
  const table = useQuery(tableQuery(name));
  if (table.error) return <ErrorState error={table.error} retry={() => void table.refetch()} />;
  const info = table.data;
  const quoted = qualified(...target.path);
  const isView = info !== undefined && /VIEW/.test(info.table_type);
  const query = () => {
    openTab({ title: target.path.at(-1) ?? '', sql: `SELECT *\nFROM ${quoted}\nLIMIT 100;\n` });
    navigate('/sql');
  };
  const tabs = isView ? TABS.filter(({ key }) => key !== 'history') : TABS;
  return (
    <>
      <ObjectHeader
        target={target}
        icon={tableIcon(info?.table_type ?? '')}
        kindLabel={isView ? 'View' : 'Table'}
        info={info}
        actions={
          <Button variant="primary" icon="sql" onClick={query}>
            Query
          </Button>
        }
      />
      <Tabs items={tabs} active={tab} onSelect={setTab} label="Table" idBase="object" />
      <div className="tab-panel" role="tabpanel" id="object-panel" aria-labelledby={`object-tab-${tab}`}>
        {tab === 'columns' && <Columns info={info} />}
        {tab === 'sample' && (
          <StatementPanel
            statement={`SELECT * FROM ${quoted} LIMIT ${SAMPLE_ROWS}`}
            label="Sample rows"
            queryKey={['sample', name]}
            empty="The table is empty. Insert rows, or load a file into it."
          />
        )}
        {tab === 'details' && <Details info={info} />}
        {tab === 'history' && !isView && (
          <StatementPanel
            statement={`DESCRIBE HISTORY ${quoted}`}
            label="History"
            queryKey={['history', name]}
            empty="The table has no history."
          />
        )}
        {tab === 'permissions' && <PermissionsTab target={target} />}
      </div>
    </>
  );
}

function Columns({ info }: { info: TableInfo | undefined }) {
  if (!info) {
    return (
      <section className="card">
        <SkeletonRows rows={8} columns={4} />
      </section>
    );
  }
  const columns = info.columns ?? [];
  return (
    <section className="card" aria-label="Columns">
      {columns.length === 0 ? (
        <EmptyState icon="column" title="No columns">
          The catalog knows no columns of it. Run DESCRIBE TABLE to look at the data itself.
        </EmptyState>
      ) : (
        <TableWrap>
          <table className="plain">
            <thead>
              <tr>
                <th className="num">#</th>
                <th>Column</th>
                <th>Type</th>
                <th>Nullable</th>
                <th>Comment</th>
              </tr>
            </thead>
            <tbody>
              {columns.map((column, index) => (
                <tr key={column.name}>
                  <td className="num muted">{index + 1}</td>
                  <td>
                    {column.name}{' '}
                    {column.partition_index !== undefined && column.partition_index !== null && <span className="badge">Partition</span>}
                  </td>
                  <td className="mono">{column.type_text.toLowerCase()}</td>
                  <td>{column.nullable === false ? 'No' : 'Yes'}</td>
                  <td className="muted">{column.comment ?? ''}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableWrap>
      )}
    </section>
  );
}

function Details({ info }: { info: TableInfo | undefined }) {
  return (
    <div className="stack">
      <DetailList
        rows={[
          ...standardRows(info),
          ['Type', info && titleCase(info.table_type)],
          ['Format', info?.data_source_format],
          ['Storage location', info?.storage_location],
          ['Table id', info?.table_id],
          ...propertyRows(info?.properties),
        ]}
      />
      {info?.view_definition && (
        <section className="card" aria-label="View definition">
          <div className="card-head">
            <h2>Definition</h2>
          </div>
          <pre className="code-block flat" tabIndex={0}>
            {info.view_definition}
          </pre>
        </section>
      )}
    </div>
  );
}
