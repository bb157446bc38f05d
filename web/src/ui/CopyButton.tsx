import { useState } from 'react';
import { copyText } from '../lib/clipboard';
import { IconButton } from './Button';

const SHOWN_MS = 1500;

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    if (!(await copyText(text))) return;
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return <IconButton icon={copied ? 'check' : 'copy'} label={copied ? 'Copied' : label} onClick={() => void copy()} />;
}

export function CodeLine({ text, label }: { text: string; label: string }) {
  return (
    <div className="code-line">
      <code>{text}</code>
      <CopyButton text={text} label={label} />
    </div>
  );
}
