import { useState } from 'react';
import { useSession } from '../../app/session';
import { setTheme, useTheme, type Theme } from '../../lib/theme';
import { titleCase } from '../../lib/format';
import { Button } from '../../ui/Button';
import { Icon, type IconName } from '../../ui/Icon';
import { PasswordDialog } from './PasswordDialog';

const THEMES: readonly [Theme, IconName][] = [
  ['system', 'screen'],
  ['light', 'sun'],
  ['dark', 'moon'],
];

export function ProfileSection() {
  const session = useSession();
  const theme = useTheme();
  const [changing, setChanging] = useState(false);
  const role = session.account_admin ? 'Account admin' : session.workspace_admin ? 'Workspace admin' : 'User';
  const rows: [string, string][] = [
    ['Name', session.display_name || '–'],
    ['User name', session.user_name],
    ['Role', role],
    ['Workspace id', session.workspace_id ?? 'None: ask an admin to assign you to one'],
    ['Account id', session.account_id],
  ];
  return (
    <>
      <section className="card" aria-label="Profile">
        <div className="card-head">
          <h2 className="grow">Profile</h2>
          <Button small icon="key" onClick={() => setChanging(true)}>
            Change password
          </Button>
        </div>
        <dl className="kv card-body">
          {rows.map(([name, value]) => (
            <div key={name} className="kv-pair">
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </section>
      <section className="card" aria-label="Appearance">
        <div className="card-head">
          <h2>Appearance</h2>
        </div>
        <div className="card-body">
          <fieldset className="themes">
            <legend className="visually-hidden">Theme</legend>
            {THEMES.map(([key, icon]) => (
              <label key={key} className="theme">
                <input type="radio" name="theme" value={key} checked={theme === key} onChange={() => setTheme(key)} />
                <Icon name={icon} />
                {titleCase(key)}
              </label>
            ))}
          </fieldset>
        </div>
      </section>
      {changing && <PasswordDialog onClose={() => setChanging(false)} />}
    </>
  );
}
