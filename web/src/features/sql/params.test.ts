import { describe, expect, it } from 'vitest';
import { bindParams, paramNames } from './params';

describe('parameters of a statement', () => {
  it('are names after a colon, each once', () => {
    expect(paramNames('select :a, :b_2 where x = :a and y>:c')).toEqual(['a', 'b_2', 'c']);
  });

  it('are not in strings, comments, casts and paths', () => {
    expect(paramNames("select ':a', `x:b`, c::int, v:field, v[0]:x, f(y):z -- :d\n/* :e */")).toEqual([]);
  });

  it('are bound with their types; empty is NULL unless it is text', () => {
    const values = { a: { type: 'STRING', value: '' }, b: { type: 'DATE', value: '' }, c: { type: 'BIGINT', value: '7' } };
    expect(bindParams('select :a, :b, :c, :d', values)).toEqual([
      { name: 'a', type: 'STRING', value: '' },
      { name: 'b', type: 'DATE' },
      { name: 'c', type: 'BIGINT', value: '7' },
      { name: 'd', type: 'STRING', value: '' },
    ]);
  });
});
