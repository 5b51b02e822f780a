import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { readDefinitions } from '#common/engines/postgres/facts/definitions/definitions.js';
import { unpackDefinitions } from '#common/engines/postgres/facts/definitions/packing.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { compareDefinitions, type DefinitionDifferences, isOfUnknown } from './compare-definitions.js';

export interface SchemaComparison extends DefinitionDifferences {
  /** How many objects of the backup were looked at. */
  readonly objects: number;
}

/** What the backup's objects are made of, held against those of the session's database, object by object. */
export async function compareByDefinition(
  session: PgSession,
  packed: SnapshotFacts['definitions'],
  extraObjects: 'fail' | 'allow',
): Promise<SchemaComparison> {
  const expected = unpackDefinitions(packed);
  const isAllowed = extraObjects === 'fail' ? () => false : isOfUnknown(expected);
  const differences = compareDefinitions(expected, await readDefinitions(session), isAllowed);
  return { objects: expected.length, ...differences };
}
