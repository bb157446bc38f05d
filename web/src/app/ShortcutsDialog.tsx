import { Fragment } from 'react';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';

export const MOD = /Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘' : 'Ctrl';

const GROUPS: readonly [string, readonly [string[], string][]][] = [
  [
    'Everywhere',
    [
      [[MOD, 'K'], 'Search and go: tables, pages, tabs, actions'],
      [['?'], 'Show this help'],
      [['g', 's'], 'Go to the SQL editor'],
      [['g', 'c'], 'Go to the catalog'],
      [['g', 'w'], 'Go to compute'],
      [['g', 'h'], 'Go to query history'],
      [['g', 'n'], 'Go to the network'],
      [['g', 'a'], 'Go to the account, if you are its admin'],
      [['g', ','], 'Go to settings'],
    ],
  ],
  [
    'SQL editor',
    [
      [[MOD, 'Enter'], 'Run the selection, or the statement at the cursor'],
      [[MOD, 'Shift', 'Enter'], 'Run all statements'],
      [['Esc'], 'Cancel the running statement'],
      [[MOD, '/'], 'Comment or uncomment lines'],
      [[MOD, 'Space'], 'Complete names and keywords'],
      [[MOD, 'F'], 'Find and replace'],
      [['Esc', 'Tab'], 'Leave the editor'],
    ],
  ],
  [
    'Results and trees',
    [
      [['↑', '↓', '←', '→'], 'Move; in a tree, open and close'],
      [['Alt', '↓'], 'Sort, filter and sum up the column'],
      [[MOD, 'C'], 'Copy the cell'],
      [[MOD, 'Shift', 'C'], 'Copy the row'],
      [['Enter'], 'Show the whole cell; in a tree, choose'],
    ],
  ],
];

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog
      title="Keyboard shortcuts"
      onClose={onClose}
      footer={
        <Button variant="primary" onClick={onClose} data-autofocus="">
          Done
        </Button>
      }
    >
      {GROUPS.map(([title, keys]) => (
        <section key={title} className="shortcuts">
          <h3>{title}</h3>
          <dl>
            {keys.map(([combination, what]) => (
              <Fragment key={what}>
                <dt>{what}</dt>
                <dd>
                  {combination.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dd>
              </Fragment>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}
