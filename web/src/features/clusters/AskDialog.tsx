/** What is asked before a cluster is restarted, resized or deleted. */
import { useState } from 'react';
import { deleteCluster, resizeCluster, restartCluster, type ClusterSize, type ListedCluster } from '../../api/clusters';
import { navigate } from '../../lib/router';
import { FormDialog } from '../../ui/Dialog';
import { TextField } from '../../ui/Fields';
import { toast } from '../../ui/Toasts';
import { Segments } from '../compute/Segments';
import { nameOf } from './ClusterTable';
import { WORKERS_MAX } from './draft';
import { useClusterActions } from './useClusterActions';

interface AskProps {
  cluster: ListedCluster;
  what: 'delete' | 'restart' | 'resize';
  onClose: () => void;
}

export function AskDialog({ cluster, what, onClose }: AskProps) {
  const { refresh } = useClusterActions();
  const name = nameOf(cluster);
  const id = cluster.cluster_id;
  if (what === 'resize') return <ResizeDialog cluster={cluster} onClose={onClose} onDone={refresh} />;
  if (what === 'restart') {
    return (
      <FormDialog
        title={`Restart ${name}?`}
        submitLabel="Restart"
        onClose={onClose}
        onSubmit={async () => {
          await restartCluster(id);
          await refresh();
        }}
      >
        <p>It gets fresh hosts. Commands that run on it end, and what they hold in memory is lost.</p>
      </FormDialog>
    );
  }
  return (
    <FormDialog
      title={`Delete ${name}?`}
      submitLabel="Delete cluster"
      danger
      onClose={onClose}
      onSubmit={async () => {
        await deleteCluster(id);
        await refresh();
        if (location.pathname.startsWith('/clusters/')) navigate('/clusters', { replace: true });
        toast(`${name} deleted`);
      }}
    >
      <p>Its hosts are ended, and its configuration and events are gone for good. To be able to start it again, terminate it instead.</p>
    </FormDialog>
  );
}

const whole = (text: string) => (/^\d+$/.test(text.trim()) ? Number(text) : NaN);

function ResizeDialog({ cluster, onClose, onDone }: { cluster: ListedCluster; onClose: () => void; onDone: () => Promise<unknown> }) {
  const { autoscale, num_workers = 0 } = cluster;
  const [scales, setScales] = useState(Boolean(autoscale));
  const [workers, setWorkers] = useState(String(num_workers));
  const [min, setMin] = useState(String(autoscale?.min_workers ?? num_workers));
  const [max, setMax] = useState(String(autoscale?.max_workers ?? num_workers + 2));
  const [one, least, most] = [whole(workers), whole(min), whole(max)];
  const good = scales ? least >= 0 && most >= least && most >= 1 && most <= WORKERS_MAX : one >= 0 && one <= WORKERS_MAX;
  const problem = good ? undefined : scales ? `From 0 to ${WORKERS_MAX}, the first not above the second.` : `From 0 to ${WORKERS_MAX}.`;
  const size: ClusterSize = scales ? { autoscale: { min_workers: least, max_workers: most } } : { num_workers: one };
  return (
    <FormDialog
      title={`Resize ${nameOf(cluster)}`}
      submitLabel="Resize"
      disabled={!good}
      onClose={onClose}
      onSubmit={async () => {
        await resizeCluster(cluster.cluster_id, size);
        await onDone();
      }}
    >
      <div>
        <Segments
          label="Workers"
          items={[
            { key: 'fixed', label: 'Fixed number' },
            { key: 'range', label: 'Range' },
          ]}
          active={scales ? 'range' : 'fixed'}
          onSelect={(key) => setScales(key === 'range')}
        />
      </div>
      {scales ? (
        <div className="field-pair">
          <TextField label="Workers, at least" inputMode="numeric" value={min} onChange={(event) => setMin(event.target.value)} />
          <TextField label="Workers, at most" inputMode="numeric" value={max} problem={problem} onChange={(event) => setMax(event.target.value)} />
        </div>
      ) : (
        <TextField label="Workers" inputMode="numeric" value={workers} problem={problem} onChange={(event) => setWorkers(event.target.value)} />
      )}
    </FormDialog>
  );
}
