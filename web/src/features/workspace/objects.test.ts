import { describe, expect, it } from 'vitest';
import type { WorkspaceObject } from '../../api/types';
import { addressOf, inside, isFixed, kindOf, nameOf, parentOf, problemOf, sorted, textOf } from './objects';

const object = (path: string, object_type: string, language?: string) => ({ path, object_type, language }) as unknown as WorkspaceObject;

describe('objects of a workspace', () => {
  it('knows its way through paths', () => {
    expect(nameOf('/Users/a@b/etl')).toBe('etl');
    expect([parentOf('/Users/a@b'), parentOf('/Users')]).toEqual(['/Users', '/']);
    expect([inside('/', 'Users'), inside('/Users', 'a')]).toEqual(['/Users', '/Users/a']);
    expect([addressOf('/'), addressOf('/Users/a b')]).toEqual(['/workspace', '/workspace/Users/a%20b']);
    expect(['/', '/Users', '/Users/a@b', '/Shared', '/Shared/a', '/Users/a/b'].map(isFixed)).toEqual([true, true, true, true, false, false]);
  });

  it('says what they are, folders first', () => {
    const [folder, file, notebook] = [object('/z', 'DIRECTORY'), object('/b', 'FILE'), object('/a', 'NOTEBOOK', 'PYTHON')];
    expect([folder, file, notebook].map(kindOf)).toEqual(['Folder', 'File', 'Python notebook']);
    expect(sorted([file, notebook, folder]).map(({ path }) => path)).toEqual(['/z', '/a', '/b']);
  });

  it('shows text and nothing else', () => {
    expect(textOf(new TextEncoder().encode('größer'))).toBe('größer');
    expect(textOf(Uint8Array.of(0xff, 0xfe))).toBeNull();
    expect(textOf(Uint8Array.of(65, 0, 66))).toBeNull();
    expect([problemOf('a'), problemOf('a/b'), problemOf('..')]).toEqual([undefined, 'Without slashes.', 'Another name.']);
  });
});
