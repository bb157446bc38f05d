/** The catalog explorer: tree on the left, the chosen object on the right. */
import { useState } from 'react';
import type { PageProps } from '../../app/App';
import { navigate } from '../../lib/router';
import { IconButton } from '../../ui/Button';
import { SideLayout } from '../../ui/SideLayout';
import { CreateCatalogDialog } from './CreateDialogs';
import { ancestors, targetOf, targetPath, type Target } from './target';
import { CatalogTree } from './tree/CatalogTree';
import { nodeId } from './tree/nodes';
import { CatalogView, HomeView, SchemaView } from './views/ContainerViews';
import { FunctionView } from './views/FunctionView';
import { TableView } from './views/TableView';
import { VolumeView } from './views/VolumeView';
import '../../ui/files.css';
import './catalog.css';

const WIDTH_MIN = 200;
const WIDTH_MAX = 520;

export default function CatalogPage({ params }: PageProps) {
  const target = targetOf(params);
  const [creating, setCreating] = useState(false);
  const key = target ? `${target.kind}:${target.path.join('.')}` : '';
  return (
    <SideLayout
      label="Catalog tree"
      storageKey="biplane.catalog.tree"
      initial={280}
      min={WIDTH_MIN}
      max={WIDTH_MAX}
      side={(fold) => (
        <CatalogTree
          label="Catalogs"
          storageKey="biplane.catalog.open"
          selected={target ? nodeId(target.kind, ...target.path) : null}
          reveal={target ? ancestors(target) : []}
          onActivate={(kind, path, toggle) => {
            if (kind === 'column') return;
            const to = targetPath({ kind, path });
            if ((kind === 'catalog' || kind === 'schema') && location.pathname === to) toggle();
            else if (kind !== 'catalog' && kind !== 'schema') fold();
            navigate(to);
          }}
          tools={<IconButton icon="plus" label="Create catalog" onClick={() => setCreating(true)} />}
        />
      )}
    >
      <div className="page" key={key}>
        <div className="page-inner">{view(target, params['*'] ?? '')}</div>
        {creating && <CreateCatalogDialog onClose={() => setCreating(false)} />}
      </div>
    </SideLayout>
  );
}

function view(target: Target | null, rest: string) {
  if (!target) return <HomeView />;
  switch (target.kind) {
    case 'catalog':
      return <CatalogView target={target} />;
    case 'schema':
      return <SchemaView target={target} />;
    case 'volume':
      return <VolumeView target={target} directory={rest} />;
    case 'function':
      return <FunctionView target={target} />;
    default:
      return <TableView target={target} />;
  }
}
