/** Sums and words of what compute uses. */
import type { HostInfo, Sandbox, SandboxTraffic } from '../../api/types';
import { formatBytes } from '../../lib/format';

const one = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });
const two = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** `0.42 of 4 CPU` */
export const cpuText = (cores: number | undefined, millis: number): string =>
  millis > 0 ? `${cores === undefined ? '–' : cores < 10 ? two.format(cores) : one.format(cores)} of ${one.format(millis / 1000)}` : '–';

export const formatCores = (millis: number): string => one.format(millis / 1000);

export const memoryText = (bytes: number | undefined, max: number): string =>
  max > 0 ? `${bytes === undefined ? '–' : shortBytes(bytes)} of ${shortBytes(max)}` : '–';

/** Without a decimal that says nothing: `2 GiB`. */
export const shortBytes = (bytes: number): string => formatBytes(bytes).replace('.0 ', ' ');

export interface Sum {
  running: number;
  starting: number;
  cores: number;
  cpuMillis: number;
  memory: number;
  memoryMax: number;
  allowed: number;
  denied: number;
}

const traffic = (list: (SandboxTraffic | undefined)[], key: keyof SandboxTraffic) => list.reduce((sum, one) => sum + (one?.[key] ?? 0), 0);

export function sumOf(list: readonly Sandbox[]): Sum {
  const add = (value: (one: Sandbox) => number | undefined) => list.reduce((sum, one) => sum + (value(one) ?? 0), 0);
  const ways = list.flatMap(({ egress, storage }) => [egress, storage]);
  return {
    running: list.filter(({ state }) => state === 'RUNNING' || state === 'DRAINING').length,
    starting: list.filter(({ state }) => state === 'STARTING').length,
    cores: add(({ cpu_cores }) => cpu_cores),
    cpuMillis: add(({ cpu_millis }) => cpu_millis),
    memory: add(({ memory_bytes }) => memory_bytes),
    memoryMax: add(({ memory_bytes_max }) => memory_bytes_max),
    allowed: traffic(ways, 'allowed'),
    denied: traffic(ways, 'denied'),
  };
}

export const bytesOf = (list: readonly (SandboxTraffic | undefined)[]): [number, number] => [traffic([...list], 'bytes_sent'), traffic([...list], 'bytes_received')];

/** How long something has been: `3 min`, `2 h 5 min`, `4 d`. */
export function formatAge(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (ms < 60_000) return `${Math.max(0, Math.floor(ms / 1000))} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`;
}

/** What is given away of a host, as far as its sandboxes are known. */
export const givenOf = ({ sandboxes }: HostInfo): { cpuMillis: number; memory: number; cores: number; used: number } => ({
  cpuMillis: sandboxes.reduce((sum, one) => sum + one.cpu_millis, 0),
  memory: sandboxes.reduce((sum, one) => sum + one.memory_bytes_max, 0),
  cores: sandboxes.reduce((sum, one) => sum + (one.cpu_cores ?? 0), 0),
  used: sandboxes.reduce((sum, one) => sum + (one.memory_bytes ?? 0), 0),
});
