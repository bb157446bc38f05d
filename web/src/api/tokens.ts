/** Personal access tokens of the signed-in user. */
import { send } from './http';
import type { TokenInfo } from './types';

export const listTokens = async (signal?: AbortSignal) =>
  (await send<{ token_infos?: TokenInfo[] }>('GET', '/api/2.0/token/list', { signal })).token_infos ?? [];

export const createToken = (comment: string, lifetimeSeconds: number | undefined) =>
  send<{ token_value: string; token_info: TokenInfo }>('POST', '/api/2.0/token/create', {
    body: { comment, ...(lifetimeSeconds ? { lifetime_seconds: lifetimeSeconds } : {}) },
  });

export const revokeToken = (id: string) => send<unknown>('POST', '/api/2.0/token/delete', { body: { token_id: id } });
