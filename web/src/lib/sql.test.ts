import { describe, expect, it } from 'vitest';
import { qualified, quoteName, quoteText, splitStatements, statementAt, stripComments } from './sql';

const texts = (script: string) => splitStatements(script).map(({ from, to }) => script.slice(from, to));

describe('names and texts', () => {
  it('quotes a name only when it must', () => {
    expect(quoteName('orders')).toBe('orders');
    expect(quoteName('order')).toBe('`order`');
    expect(quoteName('a b')).toBe('`a b`');
    expect(quoteName('ti`ck')).toBe('`ti``ck`');
    expect(quoteName('1st')).toBe('`1st`');
    expect(qualified('main', 'my schema', 't')).toBe('main.`my schema`.t');
  });

  it('escapes quotes and backslashes of a text', () => {
    expect(quoteText("it's")).toBe("'it\\'s'");
    expect(quoteText('a\\b')).toBe("'a\\\\b'");
  });
});

describe('splitStatements', () => {
  it('splits at semicolons and drops what is empty', () => {
    expect(texts('select 1;\n\n;select 2 ; ')).toEqual(['select 1', 'select 2']);
    expect(texts('-- only a comment\n')).toEqual([]);
  });

  it('leaves semicolons in texts, quoted names, comments and dollar bodies alone', () => {
    expect(texts("select ';', `a;b`, \"c;d\" -- e;f\n; select /* g; /* h; */ i; */ 2")).toHaveLength(2);
    expect(texts('create function f() as $$ a; b $$; select 1')).toHaveLength(2);
    expect(texts("select 'it\\'s; fine'; select 2")).toHaveLength(2);
  });

  it('ends an open text or comment with the script', () => {
    expect(texts("select 'open; never closed")).toHaveLength(1);
    expect(texts('select 1 /* open; never closed')).toHaveLength(1);
  });
});

describe('statementAt', () => {
  const script = 'select 1;\n\nselect 2;\nselect 3';
  const at = (cursor: number) => {
    const span = statementAt(script, cursor);
    return span && script.slice(span.from, span.to);
  };

  it('finds the statement around the cursor, also just behind its semicolon', () => {
    expect(at(3)).toBe('select 1');
    expect(at(9)).toBe('select 1');
    expect(at(14)).toBe('select 2');
    expect(at(script.length)).toBe('select 3');
  });

  it('takes the one before an empty line, and nothing of an empty script', () => {
    expect(at(10)).toBe('select 1');
    expect(statementAt('  \n ', 1)).toBeNull();
  });
});

it('strips comments but no texts', () => {
  expect(stripComments("select '--no' -- yes\n/* x */ , 1").replace(/\s+/g, ' ')).toBe("select '--no' , 1");
});
