/** Which columns the table gets, under which names and of which types. */
import { TYPE_CHOICES, type ColumnChoice } from './load-sql';
import { TableWrap } from '../../ui/TableWrap';

interface ColumnTableProps {
  columns: readonly ColumnChoice[];
  onChange: (columns: ColumnChoice[]) => void;
}

export function ColumnTable({ columns, onChange }: ColumnTableProps) {
  const change = (index: number, part: Partial<ColumnChoice>) =>
    onChange(columns.map((column, at) => (at === index ? { ...column, ...part } : column)));
  return (
    <details className="column-choices">
      <summary>
        Columns: {columns.filter(({ included }) => included).length} of {columns.length} go into the table
      </summary>
      <TableWrap>
        <table className="plain">
          <thead>
            <tr>
              <th>Take</th>
              <th>In the file</th>
              <th>Name</th>
              <th>Type</th>
            </tr>
          </thead>
          <tbody>
            {columns.map((column, index) => (
              <tr key={column.source}>
                <td>
                  <input
                    type="checkbox"
                    aria-label={`Take ${column.source}`}
                    checked={column.included}
                    onChange={(event) => change(index, { included: event.target.checked })}
                  />
                </td>
                <td className="mono">{column.source}</td>
                <td>
                  <input
                    className="input small"
                    aria-label={`Name of ${column.source}`}
                    value={column.name}
                    disabled={!column.included}
                    spellCheck={false}
                    onChange={(event) => change(index, { name: event.target.value })}
                  />
                </td>
                <td>
                  <select
                    className="select small"
                    aria-label={`Type of ${column.source}`}
                    value={column.type}
                    disabled={!column.included}
                    onChange={(event) => change(index, { type: event.target.value })}
                  >
                    {[...new Set([column.detected, ...TYPE_CHOICES])].map((type) => (
                      <option key={type}>{type}</option>
                    ))}
                  </select>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableWrap>
    </details>
  );
}
