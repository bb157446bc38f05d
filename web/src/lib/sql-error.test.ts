import { describe, expect, it } from 'vitest';
import { parseSqlError, wordAt } from './sql-error';

const SQL = 'SELECT *\nFROM nowhere';

describe('parseSqlError', () => {
  it('reads class, SQLSTATE and place', () => {
    const error = parseSqlError('[TABLE_OR_VIEW_NOT_FOUND] No such table. SQLSTATE: 42P01; line 2 pos 5', SQL);
    expect(error).toMatchObject({ errorClass: 'TABLE_OR_VIEW_NOT_FOUND', sqlState: '42P01', offset: SQL.indexOf('nowhere') });
    expect(error.message).toBe('No such table.\nline 2 pos 5');
  });

  it('counts positions and columns from one', () => {
    expect(parseSqlError('[PARSE_SYNTAX_ERROR] x == SQL (line 2, position 6) ==', SQL).offset).toBe(14);
    expect(parseSqlError('Expected: an expression at Line: 1, Column: 8', SQL).offset).toBe(7);
  });

  it('has no place when none is told, or it is outside', () => {
    expect(parseSqlError('[DIVIDE_BY_ZERO] Division by zero.', SQL).offset).toBeUndefined();
    expect(parseSqlError('at line 9 pos 1', SQL).offset).toBeUndefined();
    expect(parseSqlError('plain words', SQL)).toMatchObject({ errorClass: undefined, message: 'plain words' });
  });

  it('takes the end for what stops too early', () => {
    expect(parseSqlError('[PARSE_SYNTAX_ERROR] Syntax error at or near end of input.', 'select 1 +').offset).toBe(10);
  });

  it('prefers the SQLSTATE of the answer', () => {
    expect(parseSqlError('[X] y', SQL, '22012').sqlState).toBe('22012');
  });
});

it('marks the word at a place, or one character', () => {
  expect(wordAt(SQL, 14)).toEqual({ from: 14, to: 21 });
  expect(wordAt('a + b', 2)).toEqual({ from: 2, to: 3 });
  expect(wordAt('abc', 3)).toEqual({ from: 2, to: 3 });
});
