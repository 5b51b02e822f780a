import { type Check, CheckWarning } from '#common/engines/check.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { findOrphanSlots } from '#common/engines/postgres/wal/orphan-slots.js';

type WithSession = <T>(work: (session: PgSession) => Promise<T>) => Promise<T>;

/** Does the server keep WAL for a dataset that archives none, or is not there any more? Its disk would fill. */
export const slotsCheck = (
  { name }: PostgresDataset,
  connected: string,
  { alike, withSession }: { readonly alike: readonly PostgresDataset[]; readonly withSession: WithSession },
): Check => ({
  name: `dataset ${name}: forgotten slots`,
  needs: [connected],
  run: () =>
    withSession(async (session) => {
      const orphans = await findOrphanSlots(session, alike);
      if (orphans.length === 0) return 'the server keeps WAL for no dataset that does not ask for it';
      const told = orphans.map(({ name: slot, retainedBytes }) => {
        const kept = `keeps ${Math.round((retainedBytes ?? 0) / 1_048_576)} MiB on the server's disk`;
        return `slot "${slot}" ${kept}, and no dataset here archives through it: \`holdfast archive stop ${name} --slot ${slot}\` drops it, unless another installation has it`;
      });
      throw new CheckWarning(told.join('; '));
    }),
});
