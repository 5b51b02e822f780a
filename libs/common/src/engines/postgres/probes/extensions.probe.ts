import { z } from 'zod';
import { readExtensions } from '#common/engines/postgres/facts/extensions.js';
import { definePgProbe } from '#common/engines/postgres/probes/pg-probe.js';
import { conclude, countOf, EvidenceLog } from '#common/probes/evidence.js';
import { compareExtensions } from './compare-extensions.js';
import { readRestored } from './restored-facts.js';

/** Every extension is back. Archives do not carry versions: another server may bring another one. */
export const extensionsProbe = definePgProbe({
  name: 'extensions',
  summary: 'Every extension of the backup is installed, in its schema and version',
  timeoutMs: 300_000,
  params: z.strictObject({
    versions: z
      .enum(['equal', 'any'])
      .default('equal')
      .describe('any: where the target’s server is of another version'),
  }),
  check: (context, { versions }) =>
    readRestored(context, async (session) => {
      const { extensions } = context.manifest.snapshot;
      const problems = new EvidenceLog();
      problems.add(...compareExtensions(extensions, await readExtensions(session), versions));
      return conclude({ looked: countOf(extensions.length, 'extension'), problems });
    }),
});
