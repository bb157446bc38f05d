/** Sign in, sign out, and who is signed in. */
import { api, as, body, withSignal } from './client';
import type { ScimUser, Session } from './types';

export const session = (signal?: AbortSignal) =>
  as<Session>(api.GET('/api/2.0/biplane/auth/session', withSignal(signal)));

export const login = (user_name: string, password: string) =>
  as<Session>(api.POST('/api/2.0/biplane/auth/login', { body: { user_name, password } }));

export const changePassword = (current_password: string, new_password: string) =>
  body(api.POST('/api/2.0/biplane/auth/password', { body: { current_password, new_password } }));

export const logout = () => body(api.POST('/api/2.0/biplane/auth/logout'));

/** As the workspace knows who is signed in: with the id that rows of others name. */
export const getMe = (signal?: AbortSignal) => as<ScimUser>(api.GET('/api/2.0/preview/scim/v2/Me', withSignal(signal)));
