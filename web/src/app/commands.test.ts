import { QueryClient } from '@tanstack/react-query';
import { expect, it } from 'vitest';
import { commandsOf, score, search } from './commands';

it('ranks the start of a name before its middle before what stands beside it', () => {
  const of = (label: string, detail = 'samples.tpch') => score({ label, detail }, 'ord');
  expect(of('ord')).toBe(0);
  expect(of('orders')).toBe(1);
  expect(of('line_orders')).toBe(2);
  expect(of('records')).toBe(4);
  expect(of('x', 'Orders')).toBe(6);
  expect(of('x')).toBeNull();
  expect(score({ label: 'orders', detail: 'samples.tpch' }, 'samples.tpch.ord')).toBe(6);
});

it('finds pages, and what was loaded of the catalog', () => {
  const client = new QueryClient();
  client.setQueryData(['uc', 'tables', 'samples', 'tpch'], [{ name: 'orders', catalog_name: 'samples', schema_name: 'tpch' }]);
  client.setQueryData(['warehouses'], [{ id: 'w', name: 'Starter' }]);
  const all = commandsOf(client);
  expect(search(all, 'tpch ord')[0]?.id).toBe('go /catalog/samples/tpch/orders');
  expect(search(all, 'starter')[0]?.id).toBe('go /warehouses/w');
  expect(search(all, 'query history')[0]?.label).toBe('Query history');
  expect(search(all, 'zzz')).toEqual([]);
});
