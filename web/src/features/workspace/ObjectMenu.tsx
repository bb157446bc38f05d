/** What can be done with one object. */
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { deleteObject, exportUrl } from '../../api/objects';
import type { WorkspaceObject } from '../../api/types';
import { FormDialog } from '../../ui/Dialog';
import { Icon } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { toast } from '../../ui/Toasts';
import { nameOf } from './objects';

const ENDS: Record<string, string> = { PYTHON: '.py', SQL: '.sql', SCALA: '.scala', R: '.r' };

export function ObjectMenu({ object, onGone }: { object: WorkspaceObject; onGone?: () => void }) {
  const client = useQueryClient();
  const [deleting, setDeleting] = useState(false);
  const { path, object_type, language } = object;
  const name = nameOf(path);
  const isFolder = object_type === 'DIRECTORY';
  const download = () => {
    const link = document.createElement('a');
    link.href = exportUrl(path);
    link.download = name + (ENDS[language ?? ''] ?? '');
    link.click();
  };
  return (
    <>
      <Menu
        label={`Actions for ${name}`}
        actions={[
          ...(isFolder ? [] : [{ label: 'Download', icon: 'download' as const, onSelect: download }]),
          { label: 'Delete', icon: 'trash', danger: true, onSelect: () => setDeleting(true) },
        ]}
      >
        <Icon name="more" />
      </Menu>
      {deleting && (
        <FormDialog
          title={`Delete ${name}?`}
          submitLabel="Delete"
          danger
          onClose={() => setDeleting(false)}
          onSubmit={async () => {
            await deleteObject(path, isFolder);
            onGone?.();
            await client.invalidateQueries({ queryKey: ['objects'] });
            toast(`${name} deleted`);
          }}
        >
          <p>{isFolder ? 'The folder and all that is in it are deleted for everybody.' : 'It is deleted for everybody.'} This cannot be undone.</p>
        </FormDialog>
      )}
    </>
  );
}
