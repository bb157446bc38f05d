/** Everything that is known of one sandbox. */
import { Fragment, type ReactNode } from 'react';
import type { Sandbox, SandboxTraffic } from '../../api/types';
import { formatCount, formatDuration, formatTime } from '../../lib/format';
import { Link } from '../../lib/router';
import { Button } from '../../ui/Button';
import { CodeLine } from '../../ui/CopyButton';
import { Dialog } from '../../ui/Dialog';
import { cpuText, memoryText, shortBytes } from './figures';
import { levelOf, Reasons } from './IsolationBadge';
import { SandboxState } from './SandboxTable';

export function SandboxDialog({ sandbox, onClose }: { sandbox: Sandbox; onClose: () => void }) {
  const level = levelOf(sandbox.isolation ?? '');
  const rows: [string, ReactNode][] = [
    ['State', <SandboxState key="state" state={sandbox.state} />],
    ['Runs for', sandbox.kind === 'ENGINE' ? <Link to={`/warehouses/${sandbox.warehouse_id}`}>{sandbox.warehouse_name}</Link> : `Code of ${sandbox.user_name ?? 'a user'}`],
    ['Workspace', sandbox.workspace_id],
    ...(sandbox.node_id ? ([['Host', <code key="host">{sandbox.node_id}</code>]] as [string, ReactNode][]) : []),
    ['Generation', sandbox.generation],
    ['Began', formatTime(sandbox.created_at)],
    ['Ready', formatTime(sandbox.ready_at)],
    [
      'Isolation',
      sandbox.isolation ? (
        <>
          {level.label}. {level.text}
          <Reasons reasons={sandbox.isolation_reasons} />
        </>
      ) : (
        'Not known: its host is away'
      ),
    ],
    ['CPU', `${cpuText(sandbox.cpu_cores, sandbox.cpu_millis)} processors, ${formatDuration(sandbox.cpu_ms)} since it began`],
    ['Memory', memoryText(sandbox.memory_bytes, sandbox.memory_bytes_max)],
    ['Processes', formatCount(sandbox.processes)],
    ['To the internet', <Door key="egress" traffic={sandbox.egress} />],
    ['To storage', sandbox.kind === 'CODE' ? 'No door: code reads tables through the engine' : <Door key="storage" traffic={sandbox.storage} />],
  ];
  return (
    <Dialog
      title="Sandbox"
      wide
      onClose={onClose}
      footer={
        <Button variant="primary" onClick={onClose} data-autofocus="">
          Close
        </Button>
      }
    >
      <CodeLine text={sandbox.sandbox_id} label="Copy the sandbox id" />
      <dl className="kv">
        {rows.map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
      </dl>
    </Dialog>
  );
}

function Door({ traffic }: { traffic: SandboxTraffic | undefined }) {
  if (!traffic) return <>–</>;
  const { bytes_sent, bytes_received, allowed, denied } = traffic;
  return (
    <>
      {shortBytes(bytes_received)} received, {shortBytes(bytes_sent)} sent; {formatCount(allowed)} let through,{' '}
      <span className={denied > 0 ? 'denied-count' : ''}>{formatCount(denied)} refused</span>
    </>
  );
}
