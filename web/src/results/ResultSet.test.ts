import { describe, expect, it, vi } from 'vitest';
import type { StatementResponse } from '../api/types';
import { ResultSet } from './ResultSet';

function response(): StatementResponse {
  return {
    statement_id: 's',
    status: { state: 'SUCCEEDED' },
    manifest: {
      schema: { columns: [{ name: 'n', type_name: 'INT', type_text: 'INT' }] },
      total_row_count: 5,
      chunks: [
        { chunk_index: 1, row_offset: 2, row_count: 2 },
        { chunk_index: 0, row_offset: 0, row_count: 2 },
        { chunk_index: 2, row_offset: 4, row_count: 1 },
      ],
    },
    result: { chunk_index: 0, row_offset: 0, data_array: [['0'], ['1']] },
  };
}

describe('ResultSet', () => {
  it('has the first chunk at once and fetches others when they are looked at', async () => {
    const load = vi.fn(async (_: string, index: number) => ({ data_array: index === 1 ? [['2'], ['3']] : [['4']] }));
    const result = new ResultSet(response(), load);
    expect(result.row(1)).toEqual(['1']);
    expect(result.row(2)).toBeUndefined();
    await result.ensure(0, 2);
    expect(load).not.toHaveBeenCalled();
    await Promise.all([result.ensure(1, 4), result.ensure(2, 3)]);
    expect(load).toHaveBeenCalledTimes(1);
    expect(result.row(3)).toEqual(['3']);
    expect(result.row(5)).toBeUndefined();
  });

  it('keeps the error of a chunk until it is tried again', async () => {
    const load = vi.fn().mockRejectedValueOnce(new Error('gone')).mockResolvedValue({ data_array: [['4']] });
    const result = new ResultSet(response(), load);
    await result.ensure(4, 5);
    expect(result.error).toEqual(new Error('gone'));
    await result.ensure(4, 5);
    expect(load).toHaveBeenCalledTimes(1);
    result.retry();
    await result.ensure(4, 5);
    expect(result.row(4)).toEqual(['4']);
  });

  it('gives all rows, or says why not', async () => {
    const load = vi.fn(async (_: string, index: number) => ({ data_array: index === 1 ? [['2'], ['3']] : [['4']] }));
    expect((await new ResultSet(response(), load).all()).flat()).toEqual(['0', '1', '2', '3', '4']);
    await expect(new ResultSet(response(), vi.fn().mockRejectedValue(new Error('gone'))).all()).rejects.toThrow('gone');
  });

  it('lives without a chunk list, and without rows', () => {
    const { manifest, ...rest } = response();
    const noChunks = new ResultSet({ ...rest, manifest: { schema: manifest?.schema ?? {}, total_row_count: 2 } });
    expect(noChunks.row(1)).toEqual(['1']);
    const none = new ResultSet({ statement_id: 's', status: { state: 'SUCCEEDED' } });
    expect([none.rowCount, none.columns.length]).toEqual([0, 0]);
  });
});
