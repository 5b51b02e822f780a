import { z } from 'zod';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { Json } from '#common/domain/json.js';
import type { Evidence } from '#common/domain/verdict.js';
import { compareLocales } from '#common/engines/postgres/facts/locale.js';
import { readDatabase } from '#common/engines/postgres/facts/server.js';
import { readSettings } from '#common/engines/postgres/facts/settings.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { definePgProbe, type PgPlace } from '#common/engines/postgres/probes/pg-probe.js';
import { compareSettings, toWithheldNotes } from '#common/engines/postgres/probes/privileges/compare-settings.js';
import { readRestored } from '#common/engines/postgres/probes/restored-facts.js';
import { conclude, countOf, EvidenceLog } from '#common/probes/evidence.js';
import { compareLargeObjects } from './compare-large-objects.js';
import { compareByDefinition } from './schema-comparison.js';

/** The same objects with the same definitions, in a database that compares and sorts as the one that was backed up. */
export const schemaProbe = definePgProbe({
  name: 'schema',
  summary:
    'Encoding, locale and settings of the database, and every object and its definition, are those of the backup',
  timeoutMs: 600_000,
  params: z.strictObject({
    extraObjects: z.enum(['fail', 'allow']).default('fail').describe('Objects that the backup does not know'),
  }),
  check: (context: PgPlace, { extraObjects }) =>
    readRestored(context, async (session) => {
      const { snapshot } = context.manifest;
      // The probe `privileges` compares privileges: it knows whether they were to come back.
      const found = await compareByDefinition(session, snapshot.definitions, extraObjects);
      const settings = compareSettings(snapshot.settings, await readSettings(session, []), 'database');
      const problems = new EvidenceLog();
      const unclear = new EvidenceLog();
      problems.add(...(await compareDatabase(session, snapshot)), ...settings.problems, ...found.existence);
      problems.add(...(await compareLargeObjects(session, snapshot.largeObjects, extraObjects)));
      // Major versions print the same view in different words, so across them a difference proves nothing.
      const isComparable = toMajor(snapshot.serverVersionNum) === session.serverMajor;
      (isComparable ? problems : unclear).add(...found.form);
      const notes = [
        ...(isComparable ? [] : ['definitions come from another major version of PostgreSQL']),
        ...[...found.notes, ...toWithheldNotes(settings)],
      ];
      return conclude({ looked: countOf(found.objects, 'object'), problems, unclear, notes });
    }),
});

const toMajor = (serverVersionNum: SnapshotFacts['serverVersionNum']): number => Math.floor(serverVersionNum / 10_000);

interface Difference {
  readonly what: string;
  readonly expected: Json;
  readonly actual: Json;
}

async function compareDatabase(session: PgSession, snapshot: SnapshotFacts): Promise<Evidence[]> {
  const database = await readDatabase(session);
  const { databaseComment, connectionLimit } = snapshot;
  const differences: Difference[] = compareLocales(snapshot, database);
  const compare = (what: string, expected: Json | undefined, actual: Json = null): void => {
    if (expected !== undefined && expected !== actual) differences.push({ what, expected, actual });
  };
  compare('the comment', databaseComment, database.databaseComment);
  compare('the connection limit', connectionLimit, database.connectionLimit);
  return differences.map(({ what, expected, actual }) => ({
    ...{ subject: 'the database', expected, actual },
    problem: `${what} differs`,
  }));
}
