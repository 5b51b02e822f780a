import { z } from 'zod';
import { readSequences } from '#common/engines/postgres/facts/sequences.js';
import { definePgProbe, type PgPlace } from '#common/engines/postgres/probes/pg-probe.js';
import { conclude, countOf, EvidenceLog, nothingToCompare } from '#common/probes/evidence.js';
import { compareSequences } from './compare-sequences.js';
import { findLaggingSequences } from './lagging-sequences.js';
import { readRestored } from './restored-facts.js';

/** Every sequence stands where it stood: one that lags hands out keys that exist. */
export const sequencesProbe = definePgProbe({
  name: 'sequences',
  summary: 'Every sequence stands where it stood in the backup; after a base backup: not behind its own column',
  timeoutMs: 300_000,
  params: z.strictObject({}),
  check: (context: PgPlace) =>
    readRestored(context, async (session) => {
      const { sequences } = context.manifest.snapshot;
      const problems = new EvidenceLog();
      problems.add(...compareSequences(sequences, await readSequences(session)));
      return conclude({ looked: countOf(sequences.length, 'sequence'), problems });
    }),
  alone: (context) =>
    readRestored(context, async (session) => {
      const { looked, lagging } = await findLaggingSequences(session);
      if (looked === 0) return nothingToCompare('no sequence counts for a column');
      const unclear = new EvidenceLog();
      unclear.add(...lagging);
      const notes = ['held against their own columns: a base backup does not tell where they stood'];
      return conclude({ looked: countOf(looked, 'sequence'), unclear, notes });
    }),
});
