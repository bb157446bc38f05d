import { describe, expect, it } from 'vitest';
import { matchPath, pathOf, safeNext } from './router';

describe('matchPath', () => {
  it('reads parameters, optional ones and the rest', () => {
    expect(matchPath('/catalog/:c?/:s?', '/catalog')).toEqual({});
    expect(matchPath('/catalog/:c?/:s?', '/catalog/main/my%20schema')).toEqual({ c: 'main', s: 'my schema' });
    expect(matchPath('/volumes/:v/*', '/volumes/x/a/b%2Fc')).toEqual({ v: 'x', '*': 'a/b/c' });
    expect(matchPath('/catalog/:c?', '/catalog/a/b')).toBeNull();
    expect(matchPath('/history/:id', '/history')).toBeNull();
    expect(matchPath('/sql', '/sqlx')).toBeNull();
  });

  it('survives a broken escape', () => {
    expect(matchPath('/a/:b', '/a/%E0%A4%A')).toEqual({ b: '%E0%A4%A' });
  });
});

it('encodes every segment', () => {
  expect(pathOf('catalog', 'a/b', 'c d')).toBe('/catalog/a%2Fb/c%20d');
});

describe('safeNext', () => {
  const origin = 'https://lake.example';
  it('keeps pages of this origin', () => {
    expect(safeNext('/catalog/main?tab=x', origin)).toBe('/catalog/main?tab=x');
    expect(safeNext(`${origin}/oidc/v1/authorize?x=1`, origin)).toBe('/oidc/v1/authorize?x=1');
  });

  it('refuses other origins, schemes and loops', () => {
    for (const next of ['https://evil.example/', '//evil.example', '\\\\evil.example', 'javascript:alert(1)', '/login?next=/', null]) {
      expect(safeNext(next, origin)).toBe('/');
    }
  });
});
