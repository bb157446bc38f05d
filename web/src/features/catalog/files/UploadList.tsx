import { formatBytes } from '../../../lib/format';
import { IconButton } from '../../../ui/Button';
import { describeError } from '../../../ui/States';
import type { Upload } from './uploads';

export function UploadList({ uploads, onDismiss }: { uploads: readonly Upload[]; onDismiss: (id: number) => void }) {
  if (uploads.length === 0) return null;
  return (
    <ul className="upload-list" aria-label="Uploads">
      {uploads.map((upload) => (
        <li key={upload.id}>
          <div className="row">
            <span className="truncate grow">{upload.name}</span>
            <span className="small muted nowrap">{stateText(upload)}</span>
            <IconButton
              icon="close"
              label={`${upload.state === 'done' || upload.state === 'failed' ? 'Dismiss' : 'Cancel'} ${upload.name}`}
              onClick={() => onDismiss(upload.id)}
            />
          </div>
          {upload.state === 'failed' ? (
            <p className="problem small" role="alert">
              {describeError(upload.error).message} {describeError(upload.error).step}
            </p>
          ) : (
            <div
              className="progress"
              role="progressbar"
              aria-label={`Upload of ${upload.name}`}
              aria-valuenow={percent(upload)}
              aria-valuemin={0}
              aria-valuemax={100}
            >
              <span style={{ width: `${percent(upload)}%` }} />
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}

function percent({ sent, size, state }: Upload): number {
  if (state === 'done') return 100;
  return size > 0 ? Math.round((sent / size) * 100) : 0;
}

function stateText(upload: Upload): string {
  switch (upload.state) {
    case 'waiting':
      return 'Waiting';
    case 'sending':
      return `${formatBytes(upload.sent)} of ${formatBytes(upload.size)}`;
    case 'done':
      return `Uploaded, ${formatBytes(upload.size)}`;
    case 'failed':
      return 'Failed';
  }
}
