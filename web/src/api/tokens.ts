/** Personal access tokens of the signed-in user. */
import { api, as, body, withSignal } from './client';
import type { TokenInfo } from './types';

export const listTokens = async (signal?: AbortSignal) =>
  (await as<{ token_infos?: TokenInfo[] }>(api.GET('/api/2.0/token/list', withSignal(signal)))).token_infos ?? [];

export const createToken = (comment: string, lifetimeSeconds: number | undefined) =>
  as<{ token_value: string }>(
    api.POST('/api/2.0/token/create', {
      body: { comment, ...(lifetimeSeconds ? { lifetime_seconds: lifetimeSeconds } : {}) },
    }),
  );

export const revokeToken = (token_id: string) => body(api.POST('/api/2.0/token/delete', { body: { token_id } }));
