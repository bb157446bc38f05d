/** Sign in with a password. Goes on to `next`, if that is a page of this server. */
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type FormEvent } from 'react';
import { ApiError } from '../../api/http';
import { login } from '../../api/session';
import { navigate, safeNext, useLocation } from '../../lib/router';
import { Button } from '../../ui/Button';
import { TextField } from '../../ui/Fields';
import { Icon } from '../../ui/Icon';
import './login.css';

function problemText(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.status === 401 || error.status === 403) return 'User name and password do not match. Check both, then try again.';
    if (error.status === 429) return 'Too many tries. Wait a minute, then try again.';
    return error.message;
  }
  return 'Sign-in failed. Try again.';
}

export function LoginPage() {
  const { search } = useLocation();
  const client = useQueryClient();
  const [userName, setUserName] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const passwordField = useRef<HTMLInputElement>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await login(userName.trim(), password);
      client.clear();
      const next = safeNext(search.get('next'));
      // The authorization server's pages are not part of this app.
      if (next.startsWith('/oidc/')) location.assign(next);
      else navigate(next, { replace: true });
    } catch (error) {
      setProblem(problemText(error));
      setBusy(false);
      passwordField.current?.select();
    }
  };
  return (
    <main className="login">
      <form className="card login-card" onSubmit={(event) => void submit(event)}>
        <div className="login-brand">
          <img src="/favicon.svg" alt="" width="40" height="40" />
          <h1>Sign in to Biplane</h1>
        </div>
        <TextField
          label="User name"
          name="username"
          autoComplete="username"
          autoFocus
          required
          value={userName}
          onChange={(event) => setUserName(event.target.value)}
        />
        <div className="field">
          <label htmlFor="password">Password</label>
          <input
            id="password"
            ref={passwordField}
            className="input"
            type="password"
            name="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </div>
        <Button variant="primary" type="submit" busy={busy} disabled={!userName.trim() || !password}>
          Sign in
        </Button>
        <div role="alert">
          {problem && (
            <div className="notice danger">
              <Icon name="warning" />
              <span>{problem}</span>
            </div>
          )}
        </div>
      </form>
    </main>
  );
}
