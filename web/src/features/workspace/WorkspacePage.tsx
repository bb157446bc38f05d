/** Folders, notebooks and files of the workspace: what is at one path. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { PageProps } from '../../app/App';
import { objectStatus } from '../../api/objects';
import { formatTime } from '../../lib/format';
import { Link, navigate } from '../../lib/router';
import { CopyButton } from '../../ui/CopyButton';
import { ErrorState, Skeleton } from '../../ui/States';
import { Tabs } from '../../ui/Tabs';
import { PermissionsCard } from '../warehouses/PermissionsCard';
import { Content } from './Content';
import { Folder } from './Folder';
import { ObjectMenu } from './ObjectMenu';
import { addressOf, inside, isFixed, kindOf, nameOf, parentOf, typeOf } from './objects';
import '../warehouses/warehouses.css';
import './workspace.css';

const TABS = [
  { key: 'content', label: 'Content' },
  { key: 'permissions', label: 'Permissions' },
] as const;
type Tab = (typeof TABS)[number]['key'];

export default function WorkspacePage({ params }: PageProps) {
  const path = `/${params['*'] ?? ''}`;
  return <At key={path} path={path} />;
}

function At({ path }: { path: string }) {
  const query = useQuery({ queryKey: ['objects', path, 'status'], queryFn: ({ signal }) => objectStatus(path, signal) });
  const [tab, setTab] = useState<Tab>('content');
  const object = query.data;
  const name = path === '/' ? 'Workspace' : nameOf(path);
  return (
    <div className="page">
      <div className="page-inner">
        <Crumbs path={path} />
        <header className="page-head">
          <div>
            <h1>{name}</h1>
            {object ? (
              <p>{path === '/' ? 'Folders, notebooks and files that people of this workspace share.' : `${kindOf(object)} · changed ${formatTime(object.modified_at)}`}</p>
            ) : (
              !query.error && <Skeleton width={180} />
            )}
          </div>
          {object && !isFixed(path) && (
            <div className="actions">
              <ObjectMenu object={object} onGone={() => navigate(addressOf(parentOf(path)))} />
            </div>
          )}
        </header>
        {query.error ? (
          <ErrorState error={query.error} retry={() => void query.refetch()} />
        ) : (
          <>
            {path !== '/' && path !== '/Users' && <Tabs items={TABS} active={tab} onSelect={setTab} label={`About ${name}`} idBase="object" />}
            <div id="object-panel" {...(path !== '/' && path !== '/Users' && { role: 'tabpanel', 'aria-labelledby': `object-tab-${tab}` })} className="warehouse-panel">
              {!object ? (
                <Skeleton height={260} />
              ) : tab === 'permissions' ? (
                <section className="card" aria-label="Permissions">
                  <PermissionsCard object={{ type: typeOf(object), id: String(object.object_id) }} name={name} />
                </section>
              ) : object.object_type === 'DIRECTORY' ? (
                <Folder path={path} />
              ) : (
                <Content object={object} />
              )}
            </div>
          </>
        )}
      </div>
    </div>
  );
}

function Crumbs({ path }: { path: string }) {
  const names = path.split('/').filter(Boolean);
  if (names.length === 0) return null;
  return (
    <nav className="crumbs" aria-label="Where you are">
      <Link to="/workspace">Workspace</Link>
      {names.slice(0, -1).map((name, index) => {
        const at = inside(`/${names.slice(0, index).join('/')}`.replace(/\/$/, ''), name);
        return (
          <Link key={at} to={addressOf(at)}>
            {name}
          </Link>
        );
      })}
      <span>{names.at(-1)}</span>
      <CopyButton text={`/Workspace${path}`} label="Copy the path" />
    </nav>
  );
}
