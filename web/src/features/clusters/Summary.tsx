/** What a cluster like this would be made of. */
import { plural } from '../../lib/format';
import type { Draft, Offer } from './draft';
import { modeText, runtimeText } from './state';

const one = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

export interface Amount {
  hosts: number;
  cores: number;
  memoryGib: number;
}

/** At least and at most, over driver and workers. Unknown types and numbers count as nothing. */
export function amountsOf(draft: Pick<Draft, 'sizing' | 'workers' | 'min' | 'max' | 'nodeType' | 'driverType'>, { nodeTypes }: Pick<Offer, 'nodeTypes'>): [Amount, Amount] {
  const type = (id: string) => nodeTypes.find(({ node_type_id }) => node_type_id === id);
  const worker = type(draft.nodeType);
  const driver = draft.sizing === 'single' ? worker : (type(draft.driverType) ?? worker);
  const number = (text: string) => Math.max(0, Number(text) || 0);
  const amount = (workers: number): Amount => ({
    hosts: workers + 1,
    cores: (driver?.num_cores ?? 0) + workers * (worker?.num_cores ?? 0),
    memoryGib: ((driver?.memory_mb ?? 0) + workers * (worker?.memory_mb ?? 0)) / 1024,
  });
  if (draft.sizing === 'single') return [amount(0), amount(0)];
  return draft.sizing === 'fixed' ? [amount(number(draft.workers)), amount(number(draft.workers))] : [amount(number(draft.min)), amount(number(draft.max))];
}

const range = (least: number, most: number) => (least === most ? one.format(least) : `${one.format(least)} to ${one.format(most)}`);

export function Summary({ draft, offer }: { draft: Draft; offer: Offer }) {
  const [least, most] = amountsOf(draft, offer);
  return (
    <div className="cluster-summary">
      <h2>Summary</h2>
      <dl>
        <dt>Hosts</dt>
        <dd>{least.hosts === most.hosts ? plural(least.hosts, 'host') : `${range(least.hosts, most.hosts)} hosts`}</dd>
        <dt>Cores</dt>
        <dd>{range(least.cores, most.cores)}</dd>
        <dt>Memory</dt>
        <dd>{range(least.memoryGib, most.memoryGib)} GiB</dd>
        <dt>Runtime</dt>
        <dd>{runtimeText(draft.runtime, offer.runtimes.find(({ key }) => key === draft.runtime)?.name)}</dd>
        <dt>Access</dt>
        <dd>{modeText(draft.mode)}</dd>
      </dl>
    </div>
  );
}
