/** How tools reach this warehouse. */
import { useState } from 'react';
import type { Warehouse } from '../../api/types';
import { Link } from '../../lib/router';
import { CodeLine, CopyButton } from '../../ui/CopyButton';
import { Icon } from '../../ui/Icon';
import { Tabs } from '../../ui/Tabs';
import { addressOf, snippetsOf } from './snippets';

export function ConnectionCard({ warehouse }: { warehouse: Warehouse }) {
  const address = addressOf(warehouse, location);
  const snippets = snippetsOf(address);
  const [key, setKey] = useState('sdk');
  const active = snippets.find((one) => one.key === key) ?? snippets[0];
  const lines: [string, string, string][] = [
    ['Server host name', address.host, 'Copy the host name'],
    ['Port', address.port, 'Copy the port'],
    ['HTTP path', address.path, 'Copy the HTTP path'],
    ['JDBC URL', address.jdbc, 'Copy the JDBC URL'],
    ['Warehouse id', address.id, 'Copy the warehouse id'],
  ];
  return (
    <div className="connection-columns">
      <section className="card card-body" aria-labelledby="connection-title">
        <h2 id="connection-title">Parameters</h2>
        <dl className="connection">
          {lines
            .filter(([, text]) => text)
            .map(([name, text, label]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <CodeLine text={text} label={label} />
                </dd>
              </div>
            ))}
        </dl>
        <p className="small muted">
          A tool also needs a token: <Link to="/settings/tokens">create one in the settings</Link>.
        </p>
      </section>
      <section className="card snippet" aria-label="Tools">
        <Tabs items={snippets} active={active?.key ?? 'sdk'} onSelect={setKey} label="Tools" idBase="snippet" />
        {active && (
          <div id="snippet-panel" role="tabpanel" aria-labelledby={`snippet-tab-${active.key}`} className="card-body stack">
            <CodeLine text={active.install} label="Copy what to install" />
            <div className="snippet-code">
              <pre className="code-block" tabIndex={0} aria-label={`Example for ${active.label}`}>
                {active.code}
              </pre>
              <CopyButton text={active.code} label="Copy the example" />
            </div>
            {active.note && (
              <p className="notice small">
                <Icon name="info" />
                <span>{active.note}</span>
              </p>
            )}
          </div>
        )}
      </section>
    </div>
  );
}
