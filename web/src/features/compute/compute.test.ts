import { expect, it } from 'vitest';
import type { Sandbox } from '../../api/types';
import { byteTicksTo, runsOf, ticksTo, timeTicks, withoutRest } from '../../ui/TimeChart';
import { addressOf, snippetsOf } from '../warehouses/snippets';
import { stepsOf } from '../warehouses/samples';
import { cpuText, formatAge, memoryText, sumOf } from './figures';
import { levelOf } from './IsolationBadge';

const GIB = 1024 ** 3;

it('says what is used of what there is', () => {
  expect(cpuText(1.5, 4000)).toBe('1.50 of 4');
  expect(cpuText(undefined, 2500)).toBe('– of 2.5');
  expect(cpuText(1, 0)).toBe('–');
  expect(memoryText(GIB, 8 * GIB)).toBe('1 GiB of 8 GiB');
  expect([formatAge(900), formatAge(61_000), formatAge(7_260_000), formatAge(3 * 86_400_000)]).toEqual(['0 s', '1 min', '2 h 1 min', '3 d']);
  expect(levelOf('degraded: no cgroup').tone).toBe('warn');
  expect(levelOf('')).toMatchObject({ label: 'Unknown' });
});

it('adds up sandboxes', () => {
  const traffic = { bytes_sent: 1, bytes_received: 2, allowed: 3, denied: 4 };
  const one = { state: 'RUNNING', cpu_cores: 0.5, cpu_millis: 2000, memory_bytes: 10, memory_bytes_max: 20, egress: traffic, storage: traffic } as Sandbox;
  expect(sumOf([one, { ...one, state: 'STARTING' }])).toEqual({
    running: 1,
    starting: 1,
    cores: 1,
    cpuMillis: 4000,
    memory: 20,
    memoryMax: 40,
    allowed: 12,
    denied: 16,
  });
});

it('fills steps in which nothing ran', () => {
  const sample = (time: number) => ({ time, engines: 1, running: 2, queued: 0, cpu_millis: 0, cpu_millis_max: 0, memory_bytes: 0, memory_bytes_max: 0 });
  const { times, samples } = stepsOf({ step_ms: 10, until: 105, samples: [sample(70), sample(90)] }, 50);
  expect(times).toEqual([60, 70, 80, 90, 100]);
  expect(samples.map((one) => one?.time ?? null)).toEqual([null, 70, null, 90, 90]);
});

it('draws round ticks, and no line where nothing is', () => {
  expect(ticksTo(7, true)).toEqual([0, 5, 10]);
  expect(ticksTo(1, true)).toEqual([0, 1]);
  expect(byteTicksTo(7 * GIB)).toEqual([0, 2 * GIB, 4 * GIB, 6 * GIB, 8 * GIB]);
  const day = new Date(2026, 10, 22, 10, 3).getTime();
  expect(timeTicks(day, day + 3_600_000, 4).map((tick) => new Date(tick).getMinutes())).toEqual([15, 30, 45, 0]);
  expect(withoutRest([0, 0, 3, 0, 0, 0])).toEqual([null, 0, 3, 0, null, null]);
  expect(runsOf([null, 1, 2, null, 3])).toEqual([
    [1, 2],
    [4, 4],
  ]);
});

it('writes connections as this browser has one', () => {
  const warehouse = { id: 'w', odbc_params: { path: '/sql/1.0/warehouses/w' }, jdbc_url: 'jdbc:databricks://h:443/;' } as Parameters<typeof addressOf>[0];
  const plain = addressOf(warehouse, { hostname: '127.0.0.1', port: '8080', protocol: 'http:', origin: 'http://127.0.0.1:8080' });
  const of = (key: string, address = plain) => snippetsOf(address).find((one) => one.key === key);
  expect(of('python')?.code).toContain('_connection_uri="http://127.0.0.1:8080/sql/1.0/warehouses/w"');
  expect(of('dbt')?.note).toContain('TLS only');
  const safe = addressOf(warehouse, { hostname: 'dbx.example.org', port: '', protocol: 'https:', origin: 'https://dbx.example.org' });
  expect(of('python', safe)?.code).not.toContain('_connection_uri');
  expect(of('dbt', safe)?.code).toContain('host: dbx.example.org\n');
  for (const { code } of [...snippetsOf(plain), ...snippetsOf(safe)]) expect(code).not.toMatch(/dapi/);
});
