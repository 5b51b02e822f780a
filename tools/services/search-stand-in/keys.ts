import { createHmac, timingSafeEqual } from 'node:crypto';
import { ApiError } from './api-error.js';
import { type ApiKey, isAllowed, isCovered, standardKeys } from './api-key.js';
import type { Store } from './store.js';

/** Who asks: may they act on this index? */
export interface Access {
  mayUse(index: string): boolean;
}

/** Master key and keys made with it. */
export class Keys {
  constructor(
    private readonly masterKey: string,
    private readonly store: Store,
  ) {
    if (store.keys.size === 0) for (const key of standardKeys()) store.putKey(key);
  }

  secretOf = ({ uid }: ApiKey): string => createHmac('sha256', this.masterKey).update(uid).digest('hex');

  /** Throws what the API answers to a request without a key, or with one that has not this right. */
  authorize(header: string | undefined, action: string): Access {
    const [, secret] = /^Bearer (.+)$/.exec(header ?? '') ?? [];
    if (secret === undefined) {
      throw new ApiError(
        'missing_authorization_header',
        'The Authorization header is missing. It must use the bearer authorization method.',
      );
    }
    if (isSame(secret, this.masterKey)) return { mayUse: () => true };
    const key = [...this.store.keys.values()].find((each) => isSame(secret, this.secretOf(each)));
    if (key === undefined || !isAllowed(key, action)) throw refused();
    return { mayUse: (index) => key.indexes.some((pattern) => isCovered(pattern, index)) };
  }
}

export const refused = (): ApiError => new ApiError('invalid_api_key', 'The provided API key is invalid.');

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
