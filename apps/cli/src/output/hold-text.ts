import type { Hold } from '#common/repository/holds.js';
import { toTable } from './table.js';

/** A hold as scripts see it; instants are the storage's. */
export const toHoldView = ({ name, reason, by, placedAt, expiresAt }: Hold, backupId: string) => ({
  ...{ backupId, name, reason, by },
  placedAt: placedAt.toISOString(),
  expiresAt: expiresAt?.toISOString() ?? null,
});

export type HoldView = ReturnType<typeof toHoldView>;

export const toHoldTable = (holds: readonly HoldView[]): string =>
  toTable(
    ['name', 'placed', 'until', 'by', 'reason'],
    holds.map(({ name, placedAt, expiresAt, by, reason }) => [name, placedAt, expiresAt ?? 'released', by, reason]),
  );
