/** A field for each named parameter of the tab's text. */
import { changeTab, type SqlTab } from './tabs';
import { PARAM_TYPES, type ParamValue } from './params';

const HINTS: Record<string, string> = { DATE: '2026-01-31', TIMESTAMP: '2026-01-31 12:00:00', BOOLEAN: 'true', STRING: 'text' };

export function ParamBar({ tab, names }: { tab: SqlTab; names: readonly string[] }) {
  const change = (name: string, change: Partial<ParamValue>) => {
    const before = tab.params?.[name] ?? { type: 'STRING', value: '' };
    changeTab(tab.id, { params: { ...tab.params, [name]: { ...before, ...change } } });
  };
  return (
    <div className="param-bar" role="group" aria-label="Parameters">
      {names.map((name) => {
        const { type, value } = tab.params?.[name] ?? { type: 'STRING', value: '' };
        return (
          <div key={name} className="param">
            <label htmlFor={`param-${name}`}>:{name}</label>
            <select className="select small" aria-label={`Type of ${name}`} value={type} onChange={(event) => change(name, { type: event.target.value })}>
              {PARAM_TYPES.map((one) => (
                <option key={one} value={one}>
                  {one.replace(/\(.*/, '')}
                </option>
              ))}
            </select>
            <input
              id={`param-${name}`}
              className="input small"
              value={value}
              autoComplete="off"
              spellCheck={false}
              placeholder={type === 'STRING' ? HINTS['STRING'] : `${HINTS[type] ?? '0'} (empty is NULL)`}
              onChange={(event) => change(name, { value: event.target.value })}
            />
          </div>
        );
      })}
    </div>
  );
}
