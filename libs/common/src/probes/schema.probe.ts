import { z } from 'zod';
import type { ObjectFacts, SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { readDetails } from '#common/engines/postgres/facts/facts-details.js';
import { readObjects } from '#common/engines/postgres/facts/facts-objects.js';
import { readSchemaSha256 } from '#common/engines/postgres/facts/facts-schema.js';
import { readSettings } from '#common/engines/postgres/facts/facts-settings.js';
import { compareDetails, isOfOtherObject } from './compare-details.js';
import { findExtras } from './compare-extras.js';
import { compareDefinitions, pairObjects, toSubject } from './compare-objects.js';
import { compareSettings, toWithheldNotes } from './compare-settings.js';
import { defineProbe } from './define-probe.js';
import { conclude, countOf, EvidenceLog } from './evidence.js';
import { readRestored } from './restored-facts.js';

/** The same objects with the same definitions. */
export const schemaProbe = defineProbe({
  name: 'schema',
  summary: 'Tables, constraints, views, functions, rules, options and settings are those of the backup',
  timeoutMs: 600_000,
  params: z.strictObject({
    extraObjects: z.enum(['fail', 'allow']).default('fail').describe('Objects that the backup does not know'),
  }),
  check: (context, { extraObjects }) =>
    readRestored(context, async (session) => {
      const { snapshot } = context.manifest;
      const { schemaSha256, serverVersionNum, details } = snapshot;
      // Privileges are looked at by the probe privileges, which knows whether they were to come back.
      const objects = snapshot.objects.filter(isDefined);
      const actual = (await readObjects(session)).filter(isDefined);
      const definitions = compareDefinitions(objects, actual);
      const digest = await readSchemaSha256(session);
      if (digest !== schemaSha256) definitions.push(toDigestEvidence(schemaSha256, digest));
      if (details !== undefined) {
        const isAllowed = extraObjects === 'fail' ? () => false : isOfOtherObject(snapshot);
        definitions.push(...compareDetails(details, await readDetails(session), isAllowed));
      }

      const problems = new EvidenceLog();
      const unclear = new EvidenceLog();
      const settings = compareSettings(snapshot.settings, await readSettings(session, []), 'database');
      problems.add(...settings.problems);
      for (const object of pairObjects(objects, actual).missing) {
        problems.add({ subject: toSubject(object), problem: 'is missing' });
      }
      if (extraObjects === 'fail') problems.add(...findExtras('object', objects.map(toSubject), actual.map(toSubject)));
      // Major versions print the same view in different words, so across them a difference proves nothing.
      const isComparable = toMajor(serverVersionNum) === session.serverMajor;
      (isComparable ? problems : unclear).add(...definitions);
      const notes = [...toNotes(isComparable, details !== undefined), ...toWithheldNotes(settings)];
      return conclude({ looked: countOf(objects.length, 'object'), problems, unclear, notes });
    }),
});

const isDefined = ({ kind }: ObjectFacts): boolean => kind !== 'default-privileges';

const toMajor = (serverVersionNum: SnapshotFacts['serverVersionNum']): number => Math.floor(serverVersionNum / 10_000);

const toDigestEvidence = (expected: string, actual: string) => ({
  subject: 'tables, columns, constraints and indexes',
  expected,
  actual,
  problem: 'the digest differs',
});

const toNotes = (isComparable: boolean, hasDetails: boolean): string[] => [
  ...(isComparable ? [] : ['definitions come from another major version of PostgreSQL']),
  ...(hasDetails ? [] : ['rules, options and comments not compared: the backup is older than their facts']),
];
