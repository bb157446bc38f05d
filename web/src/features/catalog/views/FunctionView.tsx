/** A function: its signature, body, details and permissions. */
import { useQuery } from '@tanstack/react-query';
import { getFunction } from '../../../api/catalog';
import type { FunctionInfo } from '../../../api/types';
import { ErrorState, SkeletonRows } from '../../../ui/States';
import { Tabs } from '../../../ui/Tabs';
import { DetailList, standardRows } from '../DetailList';
import { ObjectHeader } from '../ObjectHeader';
import { PermissionsTab } from '../PermissionsTab';
import { fullName, type Target } from '../target';
import { useTab } from '../useTab';

const TABS = [
  { key: 'definition', label: 'Definition' },
  { key: 'details', label: 'Details' },
  { key: 'permissions', label: 'Permissions' },
] as const;

export function signature(info: FunctionInfo): string {
  const parameters = (info.input_params?.parameters ?? []).map(({ name, type_text }) => `${name} ${(type_text ?? '').toUpperCase()}`);
  return `${info.name}(${parameters.join(', ')}) RETURNS ${(info.full_data_type ?? info.data_type ?? '').toUpperCase()}`;
}

export function FunctionView({ target }: { target: Target }) {
  const name = fullName(target);
  const [tab, setTab] = useTab(TABS.map(({ key }) => key), 'definition');
  const query = useQuery({ queryKey: ['uc', 'function', name], queryFn: ({ signal }) => getFunction(name, signal) });
  if (query.error) return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  const info = query.data;
  return (
    <>
      <ObjectHeader target={target} icon="function" kindLabel="Function" info={info} />
      <Tabs items={TABS} active={tab} onSelect={setTab} label="Function" idBase="object" />
      <div className="tab-panel" role="tabpanel" id="object-panel" aria-labelledby={`object-tab-${tab}`}>
        {tab === 'definition' && (
          <section className="card" aria-label="Definition">
            {info ? (
              <pre className="code-block flat" tabIndex={0}>{`${signature(info)}\n\n${info.routine_definition ?? ''}`}</pre>
            ) : (
              <SkeletonRows rows={4} columns={1} />
            )}
          </section>
        )}
        {tab === 'details' && (
          <DetailList rows={[...standardRows(info), ['Language', info?.routine_body], ['Function id', info?.function_id]]} />
        )}
        {tab === 'permissions' && <PermissionsTab target={target} />}
      </div>
    </>
  );
}
