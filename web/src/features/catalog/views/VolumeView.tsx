/** A volume: its files, details and permissions. */
import { useQuery } from '@tanstack/react-query';
import { getVolume } from '../../../api/catalog';
import { titleCase } from '../../../lib/format';
import { ErrorState } from '../../../ui/States';
import { Tabs } from '../../../ui/Tabs';
import { DetailList, standardRows } from '../DetailList';
import { FileBrowser } from '../files/FileBrowser';
import { ObjectHeader } from '../ObjectHeader';
import { PermissionsTab } from '../PermissionsTab';
import { fullName, type Target } from '../target';
import { useTab } from '../useTab';

const TABS = [
  { key: 'files', label: 'Files' },
  { key: 'details', label: 'Details' },
  { key: 'permissions', label: 'Permissions' },
] as const;

export function VolumeView({ target, directory }: { target: Target; directory: string }) {
  const name = fullName(target);
  const [tab, setTab] = useTab(TABS.map(({ key }) => key), 'files');
  const volume = useQuery({ queryKey: ['uc', 'volume', name], queryFn: ({ signal }) => getVolume(name, signal) });
  if (volume.error) return <ErrorState error={volume.error} retry={() => void volume.refetch()} />;
  return (
    <>
      <ObjectHeader target={target} icon="volume" kindLabel="Volume" info={volume.data} />
      <Tabs items={TABS} active={tab} onSelect={setTab} label="Volume" idBase="object" />
      <div className="tab-panel" role="tabpanel" id="object-panel" aria-labelledby={`object-tab-${tab}`}>
        {tab === 'files' && <FileBrowser target={target} directory={directory} />}
        {tab === 'details' && (
          <DetailList
            rows={[
              ...standardRows(volume.data),
              ['Type', volume.data && titleCase(volume.data.volume_type)],
              ['Path', `/Volumes/${target.path.join('/')}`],
              ['Storage location', volume.data?.storage_location],
              ['Volume id', volume.data?.volume_id],
            ]}
          />
        )}
        {tab === 'permissions' && <PermissionsTab target={target} />}
      </div>
    </>
  );
}
