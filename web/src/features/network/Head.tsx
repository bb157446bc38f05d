import type { ReactNode } from 'react';

export function Head({ title, text, children }: { title: string; text: string; children?: ReactNode }) {
  return (
    <header className="page-head">
      <div>
        <h1>{title}</h1>
        <p>{text}</p>
      </div>
      {children && <div className="actions">{children}</div>}
    </header>
  );
}
