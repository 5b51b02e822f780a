import { randomUUID } from 'node:crypto';

/** A key of the API, without its secret: that derives from the master key and the uid, as the real one's does. */
export interface ApiKey {
  readonly uid: string;
  readonly name: string | null;
  readonly description: string | null;
  readonly actions: readonly string[];
  readonly indexes: readonly string[];
  readonly expiresAt: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export const actions = [
  ...['*', 'search', 'documents.*', 'documents.add', 'documents.get', 'documents.delete'],
  ...['indexes.*', 'indexes.create', 'indexes.get', 'indexes.update', 'indexes.delete', 'indexes.swap'],
  ...['tasks.*', 'tasks.cancel', 'tasks.delete', 'tasks.get', 'settings.*', 'settings.get', 'settings.update'],
  ...['stats.*', 'stats.get', 'version', 'keys.create', 'keys.get', 'keys.update', 'keys.delete', '*.get'],
  ...['dumps.*', 'dumps.create', 'snapshots.*', 'snapshots.create', 'experimental.get', 'experimental.update'],
  ...['webhooks.*', 'webhooks.get', 'webhooks.create', 'webhooks.update', 'webhooks.delete'],
] as const;

/** Does the key grant this action, now? */
export function isAllowed({ actions: granted, expiresAt }: ApiKey, action: string): boolean {
  if (expiresAt !== null && Date.parse(expiresAt) <= Date.now()) return false;
  const [subject, verb] = action.split('.');
  return granted.some(
    (each) => each === '*' || each === action || each === `${subject}.*` || (each === '*.get' && verb === 'get'),
  );
}

export const isCovered = (pattern: string, index: string): boolean =>
  pattern.endsWith('*') ? index.startsWith(pattern.slice(0, -1)) : pattern === index;

/** What a new server has. */
export function standardKeys(): ApiKey[] {
  const now = new Date().toISOString();
  const common = { indexes: ['*'], expiresAt: null, createdAt: now, updatedAt: now };
  return [
    {
      ...{ ...common, uid: randomUUID(), name: 'Default Search API Key', actions: ['search'] },
      description: 'Use it to search from the frontend',
    },
    {
      ...{ ...common, uid: randomUUID(), name: 'Default Admin API Key', actions: ['*'] },
      description: 'Use it for anything that is not a search operation. Caution! Do not expose it on a public frontend',
    },
  ];
}
