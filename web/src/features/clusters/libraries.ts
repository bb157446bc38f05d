/** Libraries of clusters in words. */
import type { Library, LibraryStatus } from '../../api/types';
import { titleCase } from '../../lib/format';

export type LibraryKind = 'pypi' | 'whl' | 'requirements';

export const KINDS: { key: LibraryKind; label: string; field: string; hint: string }[] = [
  { key: 'pypi', label: 'PyPI', field: 'Package', hint: 'As pip takes it: simplejson==3.8.0' },
  { key: 'whl', label: 'Wheel', field: 'Path', hint: 'On a volume: /Volumes/catalog/schema/volume/name.whl' },
  { key: 'requirements', label: 'Requirements file', field: 'Path', hint: 'On a volume: /Volumes/catalog/schema/volume/requirements.txt' },
];

/** What is installed, and where it comes from. */
export function libraryText({ whl, requirements, pypi }: Library): { name: string; source: string } {
  if (pypi) return { name: pypi.package ?? '', source: pypi.repo ? `From ${pypi.repo}` : 'PyPI' };
  const path = whl ?? requirements ?? '';
  const cut = path.lastIndexOf('/');
  return { name: path.slice(cut + 1), source: path.slice(0, cut) };
}

export function libraryOf(kind: LibraryKind, value: string, repo: string): Library {
  const text = value.trim();
  if (kind !== 'pypi') return { [kind]: text };
  return { pypi: { package: text, ...(repo.trim() ? { repo: repo.trim() } : {}) } };
}

/** What keeps a library from being one. */
export function problemOf(kind: LibraryKind, value: string): string | undefined {
  const text = value.trim();
  if (text === '') return undefined;
  if (kind === 'pypi') return text.startsWith('-') ? 'A package, not an option of pip.' : undefined;
  if (!text.startsWith('/Volumes/')) return 'A path on a volume begins with /Volumes/.';
  const end = kind === 'whl' ? '.whl' : '.txt';
  return text.endsWith(end) ? undefined : `The file ends with ${end}.`;
}

const TONES: Partial<Record<LibraryStatus, string>> = { INSTALLED: 'ok', FAILED: 'danger', PENDING: '', SKIPPED: '' };

export const statusTone = (status: LibraryStatus): string => TONES[status] ?? 'warn';
export const statusText = (status: LibraryStatus): string => (status === 'UNINSTALL_ON_RESTART' ? 'Gone with a restart' : titleCase(status));
export const isMoving = (status: LibraryStatus): boolean => status === 'RESOLVING' || status === 'INSTALLING';
