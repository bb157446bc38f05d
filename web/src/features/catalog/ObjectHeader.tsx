/** The head of every object's page: where it stands, its name, its comment, what can be done with it. */
import { useState, type ReactNode } from 'react';
import type { Securable } from '../../api/types';
import { Link } from '../../lib/router';
import { qualified } from '../../lib/sql';
import { IconButton } from '../../ui/Button';
import { CopyButton } from '../../ui/CopyButton';
import { Icon, type IconName } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { Skeleton } from '../../ui/States';
import { CommentDialog, DeleteDialog, OwnerDialog } from './ObjectDialogs';
import { targetPath, type Target, type TargetKind } from './target';

interface HeaderProps {
  target: Target;
  icon: IconName;
  kindLabel: string;
  info: Securable | undefined;
  actions?: ReactNode;
}

const PARENTS: readonly TargetKind[] = ['catalog', 'schema'];

export function ObjectHeader({ target, icon, kindLabel, info, actions }: HeaderProps) {
  const [dialog, setDialog] = useState<'comment' | 'owner' | 'delete' | null>(null);
  const close = () => setDialog(null);
  const { path } = target;
  return (
    <>
      <nav className="crumbs" aria-label="Where you are">
        <Link to="/catalog">Catalogs</Link>
        {path.slice(0, -1).map((name, index) => (
          <Link key={name} to={targetPath({ kind: PARENTS[index] ?? 'catalog', path: path.slice(0, index + 1) })}>{name}</Link>
        ))}
      </nav>
      <header className="page-head object-head">
        <span className="object-icon">
          <Icon name={icon} />
        </span>
        <div className="grow">
          <div className="row">
            <h1 className="truncate">{path.at(-1)}</h1>
            <CopyButton text={qualified(...path)} label="Copy the full name" />
            <span className="badge">{kindLabel}</span>
          </div>
          <div className="object-comment">
            {info ? <span className="truncate">{info.comment || 'No comment'}</span> : <Skeleton width={220} height={12} />}
            {info && <IconButton icon="edit" label="Edit the comment" onClick={() => setDialog('comment')} />}
          </div>
        </div>
        <div className="actions">
          {actions}
          <Menu
            label="More actions"
            className="button ghost icon"
            actions={[
              { label: 'Edit comment', icon: 'edit', onSelect: () => setDialog('comment') },
              { label: 'Change owner', icon: 'user', onSelect: () => setDialog('owner') },
              { label: `Delete ${kindLabel.toLowerCase()}`, icon: 'trash', danger: true, onSelect: () => setDialog('delete') },
            ]}
          >
            <Icon name="more" />
          </Menu>
        </div>
      </header>
      {dialog === 'comment' && <CommentDialog target={target} comment={info?.comment ?? ''} onClose={close} />}
      {dialog === 'owner' && <OwnerDialog target={target} owner={info?.owner ?? ''} onClose={close} />}
      {dialog === 'delete' && <DeleteDialog target={target} kindLabel={kindLabel} onClose={close} />}
    </>
  );
}
