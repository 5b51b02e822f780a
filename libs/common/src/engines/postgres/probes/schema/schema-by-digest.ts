import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { Evidence } from '#common/domain/verdict.js';
import { readDetails } from '#common/engines/postgres/facts/facts-details.js';
import { readObjects } from '#common/engines/postgres/facts/facts-objects.js';
import { readSchemaSha256 } from '#common/engines/postgres/facts/facts-schema.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { compareDetails, isOfOtherObject } from './compare-details.js';
import { findExtras } from './compare-extras.js';
import { compareDefinitionDigests, pairObjects, toSubject } from './compare-objects.js';
import type { SchemaComparison } from './schema-comparison.js';

/** For backups from before their facts held definitions: their digests say that something differs, not what. */
export async function compareByDigest(
  session: PgSession,
  snapshot: SnapshotFacts,
  extraObjects: 'fail' | 'allow',
): Promise<SchemaComparison> {
  const { schemaSha256, details } = snapshot;
  const [objects, actual] = [snapshot.objects.filter(isDefined), (await readObjects(session)).filter(isDefined)];
  const form = compareDefinitionDigests(objects, actual);
  const digest = await readSchemaSha256(session);
  if (digest !== schemaSha256) form.push(toDigestEvidence(schemaSha256, digest));
  if (details !== undefined) {
    const isAllowed = extraObjects === 'fail' ? () => false : isOfOtherObject(snapshot);
    form.push(...compareDetails(details, await readDetails(session), isAllowed));
  }
  const missing = pairObjects(objects, actual).missing.map(
    (object): Evidence => ({ subject: toSubject(object), problem: 'is missing' }),
  );
  const extras = extraObjects === 'fail' ? findExtras('object', objects.map(toSubject), actual.map(toSubject)) : [];
  const notes = ['compared by digests: the backup is older than definitions in its facts'];
  if (details === undefined)
    notes.push('rules, options and comments not compared: the backup is older than their facts');
  return { objects: objects.length, existence: [...missing, ...extras], form, notes };
}

const isDefined = ({ kind }: SnapshotFacts['objects'][number]): boolean => kind !== 'default-privileges';

const toDigestEvidence = (expected: string, actual: string): Evidence => ({
  subject: 'tables, columns, constraints and indexes',
  expected,
  actual,
  problem: 'the digest differs',
});
