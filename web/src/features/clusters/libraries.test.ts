import { expect, it } from 'vitest';
import { libraryOf, libraryText, problemOf, statusText, statusTone } from './libraries';

it('tells what a library is and where it comes from', () => {
  expect(libraryText({ pypi: { package: 'a==1' } })).toEqual({ name: 'a==1', source: 'PyPI' });
  expect(libraryText({ pypi: { package: 'a', repo: 'https://i' } }).source).toBe('From https://i');
  expect(libraryText({ whl: '/Volumes/c/s/v/a.whl' })).toEqual({ name: 'a.whl', source: '/Volumes/c/s/v' });
  expect(statusText('UNINSTALL_ON_RESTART')).toBe('Gone with a restart');
  expect([statusTone('FAILED'), statusTone('INSTALLING')]).toEqual(['danger', 'warn']);
});

it('makes libraries of what is typed, and says what is wrong', () => {
  expect(libraryOf('pypi', ' a ', '')).toEqual({ pypi: { package: 'a' } });
  expect(libraryOf('pypi', 'a', 'https://i')).toEqual({ pypi: { package: 'a', repo: 'https://i' } });
  expect(libraryOf('whl', '/Volumes/a.whl', 'x')).toEqual({ whl: '/Volumes/a.whl' });
  expect(problemOf('whl', '')).toBeUndefined();
  expect(problemOf('whl', '/Workspace/a.whl')).toContain('/Volumes/');
  expect(problemOf('requirements', '/Volumes/a.whl')).toContain('.txt');
  expect(problemOf('pypi', '-r x')).toContain('option');
});
