import { z } from 'zod';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { Evidence } from '#common/domain/verdict.js';
import { readObjects } from '#common/engines/postgres/facts/objects.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PgProbeContext } from '#common/engines/postgres/probes/pg-probe.js';
import { definePgProbe } from '#common/engines/postgres/probes/pg-probe.js';
import { readRestored } from '#common/engines/postgres/probes/restored-facts.js';
import {
  compareLargeObjectOwners,
  compareLargeObjectPrivileges,
} from '#common/engines/postgres/probes/schema/compare-large-objects.js';
import {
  compareDefaultPrivileges,
  compareOwners,
  comparePrivileges,
  isGivenToOwner,
} from '#common/engines/postgres/probes/schema/compare-objects.js';
import { conclude, countOf, EvidenceLog } from '#common/probes/evidence.js';
import { compareDatabaseRights } from './compare-database-rights.js';

const PrivilegesParams = z.strictObject({
  privileges: z
    .enum(['keep', 'drop'])
    .optional()
    .describe('Whether owners and privileges came back; default: as the target says'),
  owner: z
    .string()
    .optional()
    .describe('Who owns everything under drop; default: the owner of the target, or else the role that it restores as'),
});
type PrivilegesParams = z.output<typeof PrivilegesParams>;

interface Comparison {
  readonly problems: readonly Evidence[];
  readonly notes: readonly string[];
}

/** Each role may do what it could before, no more and no less; or everything belongs to the one owner that the target names. */
export const privilegesProbe = definePgProbe({
  name: 'privileges',
  summary: 'Owners, privileges, default privileges, settings of roles and memberships are those of the backup',
  timeoutMs: 600_000,
  params: PrivilegesParams,
  check: (context, params) =>
    readRestored(context, async (session) => {
      const { snapshot } = context.manifest;
      const isKept = (params.privileges ?? context.privileges) === 'keep';
      const { problems: found, notes } = isKept
        ? await compareKept(session, snapshot)
        : await compareGiven(session, snapshot, toOwner(context, params));
      const problems = new EvidenceLog();
      problems.add(...found);
      return conclude({ looked: countOf(snapshot.objects.length, 'object'), problems, notes });
    }),
});

async function compareKept(session: PgSession, snapshot: SnapshotFacts): Promise<Comparison> {
  const expected = snapshot.objects;
  const actual = await readObjects(session);
  const rights = await compareDatabaseRights(session, snapshot);
  const problems = [
    ...compareOwners(expected, actual),
    ...comparePrivileges(expected, actual, { before: snapshot.serverVersionNum, after: session.serverVersionNum }),
    ...compareDefaultPrivileges(expected, actual),
    ...(await compareLargeObjectOwners(session, snapshot.largeObjects)),
    ...(await compareLargeObjectPrivileges(session, snapshot.largeObjects)),
    ...rights.problems,
  ];
  return { problems, notes: rights.notes };
}

interface NewOwner {
  readonly owner: string;
  /** The target names it; otherwise it is only the role that restored. */
  readonly isNamed: boolean;
}

const toOwner = ({ owner, database }: PgProbeContext, params: PrivilegesParams): NewOwner => {
  const named = params.owner ?? owner;
  return { owner: named ?? database.user, isNamed: named !== undefined };
};

async function compareGiven(
  session: PgSession,
  { objects, largeObjects }: SnapshotFacts,
  { owner, isNamed }: NewOwner,
): Promise<Comparison> {
  // A restore in place leaves schemas that were there with their owner, unless the target names another one.
  const given = objects.filter((object) => isGivenToOwner(object) && (isNamed || object.kind !== 'schema'));
  return {
    problems: [
      ...compareOwners(given, await readObjects(session), owner),
      ...(await compareLargeObjectOwners(session, largeObjects, owner)),
    ],
    notes: [`privileges not compared: the target drops them; everything should belong to ${owner}`],
  };
}
