import type { z } from 'zod';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import type { PostgresDataset, PostgresManifest, PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import type { TenantTables } from '#common/engines/postgres/tenants/tenant-tables.js';
import { type PgConnection, withDatabase } from '#common/pg/connection.js';
import { defineProbe, type Probe, type ProbeDefinition } from '#common/probes/define-probe.js';
import { conclude, EvidenceLog, nothingToCompare, type ProbeFinding } from '#common/probes/evidence.js';
import type { ProbeContext } from '#common/probes/probe-context.js';
import { findCorruption, findRelationOf } from './corruption.js';

/** A database that is asked alone, and the facts that it is held against. */
export interface PgPlace extends Pick<ProbeContext, 'signal'> {
  readonly manifest: PostgresManifest;
  /** The restored database, as a role that sees every row. */
  readonly database: PgConnection;
}

/** What a restored database is held against, and how to reach it. */
export interface PgProbeContext extends PgPlace, Pick<ProbeContext, 'repository' | 'keyring'> {
  readonly tools: PgTools;
  /** Directories that hold PostgreSQL client tools, searched first. */
  readonly toolDirectories: readonly string[];
  /** Whether owners and privileges came back with the data, and who owns everything when they did not. */
  readonly privileges: 'keep' | 'drop';
  readonly owner: string | undefined;
  readonly tenantTables: TenantTables | undefined;
}

/** Without the context of the core: the probe only sees what is PostgreSQL's. */
export interface PgProbeDefinition<Params extends z.ZodObject, C extends PgPlace>
  extends Omit<ProbeDefinition<Params, ProbeContext>, 'check'> {
  /** Whether it asks the restored database alone, and so has an answer too after a restore of a base backup. Default: no. */
  readonly readsNoFacts?: boolean;
  /** What it says after a restore of a base backup, which has no facts of its databases. Absent: that nothing was compared. */
  alone?(context: PgProbeContext, params: z.output<Params>): Promise<ProbeFinding>;
  check(context: C, params: z.output<Params>): ReturnType<ProbeDefinition<Params, ProbeContext>['check']>;
}

export interface PgProbe<C extends PgPlace> extends Probe {
  /** With the parameters that a profile gives it by default; for a restore that asks before its database has its name. */
  ask(place: C): Promise<ProbeFinding>;
}

/** A probe that looks at a restored database. */
export const definePgProbe = <Params extends z.ZodObject, C extends PgPlace = PgProbeContext>(
  definition: PgProbeDefinition<Params, C> & {
    check(context: PgProbeContext, params: z.output<Params>): Promise<ProbeFinding>;
  },
): PgProbe<C> => ({
  ...defineProbe<Params, ProbeContext<PostgresDataset, PostgresTarget, SnapshotFacts>>({
    ...definition,
    check: async (context, params) => {
      const { alone, readsNoFacts = false } = definition;
      const own = toPgContext(context);
      if (!('form' in context.manifest.snapshot) || readsNoFacts)
        return lookAt(own, (place) => definition.check(place, params));
      if (alone !== undefined) return lookAt(own, (place) => alone(place, params));
      return nothingToCompare(
        'a base backup does not tell what its databases hold: use `amcheck`, `rls`, `sequences`, or `sql` with assertions',
      );
    },
  }),
  ask: (place) => lookAt(place, (own) => definition.check(own, definition.params.parse({}))),
});

/** A page that the server cannot read is found by whatever reads it, and says that the restore is wrong. */
async function lookAt<C extends PgPlace>(place: C, check: (own: C) => Promise<ProbeFinding>): Promise<ProbeFinding> {
  try {
    return await check(place);
  } catch (error) {
    const problem = findCorruption(error);
    if (problem === undefined) throw error;
    const { database, signal } = place;
    const options = { signal, applicationName: 'holdfast probe' };
    const relation = await withPgSession(database, options, (session) => findRelationOf(session, problem));
    const problems = new EvidenceLog();
    problems.add({ subject: relation ?? `database ${database.database}`, problem });
    return conclude({ looked: 'ended at what cannot be read', problems });
  }
}

const tools = new PgTools();

function toPgContext({
  dataset,
  target,
  destination,
  ...context
}: ProbeContext<PostgresDataset, PostgresTarget, SnapshotFacts>): PgProbeContext {
  const { connection, toolDirectories, privileges, owner } = target;
  const { tenantTables } = dataset;
  const database = withDatabase(connection, destination);
  return { ...context, database, tools, toolDirectories, privileges, owner, tenantTables };
}
