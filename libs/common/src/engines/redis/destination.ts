/** Every database of the backup goes to its own number. */
export const ALL_DATABASES = 'all';

export interface RedisDestination {
  /** Undefined: each to its own. */
  readonly db: number | undefined;
}

/** `all`, or the number of one database. Returns undefined for what is neither. */
export function parseDestination(text: string): RedisDestination | undefined {
  if (text === ALL_DATABASES) return { db: undefined };
  return /^\d{1,5}$/.test(text) ? { db: Number(text) } : undefined;
}
