import { z } from 'zod';
import type { Evidence } from '#common/domain/verdict.js';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import type { TemporalFacts } from '#common/engines/temporal/facts.js';
import { readMainStore, readVisibilityStore } from '#common/engines/temporal/read-stores.js';
import {
  databasesOf,
  type PerStore,
  type TemporalDataset,
  type TemporalTarget,
} from '#common/engines/temporal/temporal-dataset.js';
import { withDatabase } from '#common/pg/connection.js';
import { defineProbe } from '#common/probes/define-probe.js';
import { conclude, countOf, EvidenceLog, type ProbeFinding } from '#common/probes/evidence.js';
import type { ProbeContext } from '#common/probes/probe-context.js';
import { compareStores } from './compare-stores.js';
import { readAgain } from './runs-again.js';
import { findUnmatched } from './unmatched.js';

export type TemporalProbeContext = ProbeContext<TemporalDataset, TemporalTarget, TemporalFacts>;

/**
 * The restored databases are those of the same Temporal, with the same open executions. Before Temporal is started: it changes what is compared.
 */
export const temporalProbe = defineProbe<z.ZodObject, TemporalProbeContext>({
  name: 'temporal',
  summary:
    'Schema versions, history shards, namespaces and open executions are those of the backup; lists what happens again',
  timeoutMs: 600_000,
  params: z.strictObject({}),
  check: (context) => {
    const { target, destination, signal } = context;
    const names = databasesOf(target, destination);
    const options = { signal, applicationName: 'holdfast probe' };
    const on = <T>(name: string, work: (session: PgSession) => Promise<T>): Promise<T> =>
      withPgSession(withDatabase(target.server.connection, name), options, work);
    return on(names.main, (main) => on(names.visibility, (visibility) => check({ main, visibility }, context)));
  },
});

function check(sessions: PerStore<PgSession>, { manifest: { snapshot } }: TemporalProbeContext): Promise<ProbeFinding> {
  const { main, visibility } = sessions;
  return inReadOnly(sessions, async () => {
    const restored = { main: await readMainStore(main), visibility: await readVisibilityStore(visibility) };
    const [problems, unclear] = [new EvidenceLog(), new EvidenceLog()];
    problems.add(...compareStores(snapshot, restored));
    const unmatched = await findUnmatched(sessions);
    unclear.add(...unmatched.unknown.map(toUnknown));
    const again = await readAgain(sessions);
    const open = [...restored.main.open.values()].reduce((sum, count) => sum + count, 0);
    return conclude({
      looked: `${countOf(restored.main.namespaces.length, 'namespace')}, ${countOf(open, 'open execution')}`,
      ...{ problems, unclear },
      facts: [...unmatched.listed, ...again.facts],
      notes: [...unmatched.notes, ...again.notes],
    });
  });
}

const toUnknown = (execution: string): Evidence => ({
  subject: execution,
  problem: 'the visibility store lists it as open, and the main store does not know it: nothing will ever close it',
});

/** `search_path` stays as the role has it: that is where Temporal looks for its tables too. */
async function inReadOnly<T>({ main, visibility }: PerStore<PgSession>, work: () => Promise<T>): Promise<T> {
  const begin = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';
  await main.query(begin);
  await visibility.query(begin);
  return work();
}
