/** A secret that is shown once. */
import { Button } from '../../ui/Button';
import { CodeLine } from '../../ui/CopyButton';
import { Dialog } from '../../ui/Dialog';
import { Icon } from '../../ui/Icon';

interface SecretProps {
  title: string;
  lines: readonly [string, string][];
  onClose: () => void;
}

export function SecretDialog({ title, lines, onClose }: SecretProps) {
  return (
    <Dialog
      title={title}
      onClose={onClose}
      footer={
        <Button variant="primary" onClick={onClose}>
          I have copied it
        </Button>
      }
    >
      <div className="notice warn">
        <Icon name="warning" />
        <span>Copy it now and keep it safe. It is not shown again.</span>
      </div>
      {lines.map(([label, value]) => (
        <div key={label} className="field">
          <span className="field-label">{label}</span>
          <CodeLine text={value} label={`Copy the ${label.toLowerCase()}`} />
        </div>
      ))}
    </Dialog>
  );
}
