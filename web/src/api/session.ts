/** Sign in, sign out, and who is signed in. */
import { send } from './http';
import type { Session } from './types';

const BASE = '/api/2.0/biplane/auth';

export const session = (signal?: AbortSignal) =>
  send<Session>('GET', `${BASE}/session`, { signal, allow401: true });

export const login = (userName: string, password: string) =>
  send<unknown>('POST', `${BASE}/login`, { body: { user_name: userName, password }, allow401: true });

export const changePassword = (current: string, next: string) =>
  send<unknown>('POST', `${BASE}/password`, { body: { current_password: current, new_password: next } });

export const logout = () => send<unknown>('POST', `${BASE}/logout`, { allow401: true });
