import { type Check, CheckWarning } from '#common/engines/check.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { keptDatabases } from '#common/engines/postgres/restore/swap/kept-databases.js';

/** Who was going to look whether the new database is right has looked by then. */
const MAX_DAYS = 7;

/** Databases that a swap put aside take room until a person releases them. */
export const keptCheck = (target: PostgresTarget, connected: string, signal: AbortSignal): Check => ({
  name: `target ${target.name}: kept databases`,
  needs: [connected],
  run: async () => {
    const kept = await keptDatabases.list(target, signal);
    const [oldest] = kept;
    if (oldest === undefined) return 'none';
    const found = `${kept.length}, the oldest is "${oldest.name}", which was "${oldest.destination}" until ${oldest.keptAt}`;
    if (oldest.ageDays <= MAX_DAYS) return found;
    const command = `holdfast kept release ${target.name} --name ${oldest.name}`;
    throw new CheckWarning(`${found}: run \`${command}\` when it is not needed any more`);
  },
});
