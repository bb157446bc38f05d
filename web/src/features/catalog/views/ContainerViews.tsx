/** The pages of containers: all catalogs, one catalog, one schema. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { catalogsQuery, functionsQuery, schemasQuery, tablesQuery, volumesQuery } from '../../../app/data';
import { getCatalog, getSchema } from '../../../api/catalog';
import { Link, navigate } from '../../../lib/router';
import { Button } from '../../../ui/Button';
import { ErrorState } from '../../../ui/States';
import { Tabs } from '../../../ui/Tabs';
import { openTab } from '../../sql/tabs';
import { CreateCatalogDialog, CreateSchemaDialog, CreateVolumeDialog } from '../CreateDialogs';
import { DetailList, propertyRows, standardRows } from '../DetailList';
import { ObjectHeader } from '../ObjectHeader';
import { ObjectTable } from '../ObjectTable';
import { PermissionsTab } from '../PermissionsTab';
import { fullName, targetPath, type Target } from '../target';
import { tableIcon } from '../tree/nodes';
import { useTab } from '../useTab';
import { titleCase } from '../../../lib/format';

export function HomeView() {
  const catalogs = useQuery(catalogsQuery);
  const [creating, setCreating] = useState(false);
  return (
    <>
      <header className="page-head">
        <div>
          <h1>Catalogs</h1>
          <p>Data of this workspace: catalogs hold schemas, schemas hold tables, views, volumes and functions.</p>
        </div>
        <div className="actions">
          <Link className="button" to="/upload">
            Upload data
          </Link>
          <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
            Create catalog
          </Button>
        </div>
      </header>
      <ObjectTable
        label="Catalogs"
        query={catalogs}
        rows={catalogs.data?.map((one) => ({
          name: one.name,
          icon: 'catalog',
          to: targetPath({ kind: 'catalog', path: [one.name] }),
          type: titleCase((one.catalog_type ?? 'MANAGED_CATALOG').replace('_CATALOG', '')),
          info: one,
        }))}
        empty="You see no catalog. Create one, or ask an admin for USE CATALOG on one."
      />
      {creating && <CreateCatalogDialog onClose={() => setCreating(false)} />}
    </>
  );
}

const TABS = [
  { key: 'content', label: 'Content' },
  { key: 'details', label: 'Details' },
  { key: 'permissions', label: 'Permissions' },
] as const;
const KEYS = TABS.map(({ key }) => key);

export function CatalogView({ target }: { target: Target }) {
  const [catalog = ''] = target.path;
  const [tab, setTab] = useTab(KEYS, 'content');
  const [creating, setCreating] = useState(false);
  const info = useQuery({ queryKey: ['uc', 'catalog', catalog], queryFn: ({ signal }) => getCatalog(catalog, signal) });
  const schemas = useQuery(schemasQuery(catalog));
  if (info.error) return <ErrorState error={info.error} retry={() => void info.refetch()} />;
  return (
    <>
      <ObjectHeader
        target={target}
        icon="catalog"
        kindLabel="Catalog"
        info={info.data}
        actions={
          <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
            Create schema
          </Button>
        }
      />
      <Tabs items={TABS} active={tab} onSelect={setTab} label="Catalog" idBase="object" />
      <div className="tab-panel" role="tabpanel" id="object-panel" aria-labelledby={`object-tab-${tab}`}>
        {tab === 'content' && (
          <ObjectTable
            label="Schemas"
            query={schemas}
            rows={schemas.data?.map((one) => ({
              name: one.name,
              icon: 'schema',
              to: targetPath({ kind: 'schema', path: [catalog, one.name] }),
              type: 'Schema',
              info: one,
            }))}
            empty="No schema here that you may see. Create one, or ask the owner for USE SCHEMA."
          />
        )}
        {tab === 'details' && (
          <DetailList
            rows={[
              ...standardRows(info.data),
              ['Type', info.data?.catalog_type],
              ['Isolation', info.data?.isolation_mode],
              ['Storage location', info.data?.storage_location ?? info.data?.storage_root],
              ...propertyRows(info.data?.properties),
            ]}
          />
        )}
        {tab === 'permissions' && <PermissionsTab target={target} />}
      </div>
      {creating && <CreateSchemaDialog catalog={catalog} onClose={() => setCreating(false)} />}
    </>
  );
}

export function SchemaView({ target }: { target: Target }) {
  const [catalog = '', schema = ''] = target.path;
  const name = fullName(target);
  const [tab, setTab] = useTab(KEYS, 'content');
  const [creating, setCreating] = useState(false);
  const info = useQuery({ queryKey: ['uc', 'schema', name], queryFn: ({ signal }) => getSchema(name, signal) });
  const tables = useQuery(tablesQuery(catalog, schema));
  const volumes = useQuery(volumesQuery(catalog, schema));
  const functions = useQuery(functionsQuery(catalog, schema));
  if (info.error) return <ErrorState error={info.error} retry={() => void info.refetch()} />;
  // All three at once, so that nothing jumps; a list that may not be read counts as empty.
  const settled = !volumes.isPending && !functions.isPending;
  const rows = tables.data && settled && [
    ...tables.data.map((one) => ({
      name: one.name,
      icon: tableIcon(one.table_type),
      to: targetPath({ kind: 'table' as const, path: [catalog, schema, one.name] }),
      type: one.table_type === 'VIEW' ? 'View' : `${titleCase(one.table_type)} table`,
      info: one,
    })),
    ...(volumes.data ?? []).map((one) => ({
      name: one.name,
      icon: 'volume' as const,
      to: targetPath({ kind: 'volume' as const, path: [catalog, schema, one.name] }),
      type: `${titleCase(one.volume_type)} volume`,
      info: one,
    })),
    ...(functions.data ?? []).map((one) => ({
      name: one.name,
      icon: 'function' as const,
      to: targetPath({ kind: 'function' as const, path: [catalog, schema, one.name] }),
      type: 'Function',
      info: one,
    })),
  ];
  const query = () => {
    openTab({ catalog, schema });
    navigate('/sql');
  };
  const search = new URLSearchParams({ catalog, schema });
  return (
    <>
      <ObjectHeader
        target={target}
        icon="schema"
        kindLabel="Schema"
        info={info.data}
        actions={
          <>
            <Button icon="sql" onClick={query}>
              Query
            </Button>
            <Button icon="volume" onClick={() => setCreating(true)}>
              Create volume
            </Button>
            <Link className="button primary" to={`/upload?${search.toString()}`}>
              Upload data
            </Link>
          </>
        }
      />
      <Tabs items={TABS} active={tab} onSelect={setTab} label="Schema" idBase="object" />
      <div className="tab-panel" role="tabpanel" id="object-panel" aria-labelledby={`object-tab-${tab}`}>
        {tab === 'content' && (
          <ObjectTable
            label="Objects"
            query={tables}
            rows={rows || undefined}
            empty="Nothing here that you may see. Upload data to make a table, or create a volume for files."
          />
        )}
        {tab === 'details' && (
          <DetailList
            rows={[
              ...standardRows(info.data),
              ['Schema id', info.data?.schema_id],
              ['Storage location', info.data?.storage_location],
              ...propertyRows(info.data?.properties),
            ]}
          />
        )}
        {tab === 'permissions' && <PermissionsTab target={target} />}
      </div>
      {creating && <CreateVolumeDialog catalog={catalog} schema={schema} onClose={() => setCreating(false)} />}
    </>
  );
}
