import type { ResultColumn } from '../api/types';
import { formatCount } from '../lib/format';
import { CopyButton } from '../ui/CopyButton';
import { Dialog } from '../ui/Dialog';
import { prettyCell, type ColumnKind } from './types';

interface Props {
  column: ResultColumn | undefined;
  row: number;
  value: string | null | undefined;
  kind: ColumnKind;
  onClose: () => void;
}

export function CellDialog({ column, row, value, kind, onClose }: Props) {
  const text = typeof value === 'string' ? prettyCell(value, kind) : 'NULL';
  return (
    <Dialog title={column?.name ?? 'Cell'} onClose={onClose} wide>
      <div className="row muted small">
        <span className="grow">
          Row {formatCount(row + 1)} · {column?.type_text.toLowerCase()}
        </span>
        <CopyButton text={value ?? ''} label="Copy cell" />
      </div>
      <pre className="code-block" tabIndex={0} data-autofocus="">
        {text}
      </pre>
    </Dialog>
  );
}
