import { Manifest } from '#common/contracts/manifest.js';
import { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { onServer } from '#tools/platform/server-login.js';
import { readObject } from '../../support/secret-hunt.js';
import type { Cluster } from '../support/cluster.js';
import { PREFIX } from '../support/stored-backups.js';
import type { Errand } from './errands.js';

interface Content {
  readonly digest: string;
  /** Entry of the journal; 0 before the first. */
  readonly last: string;
}

const SHOP_TABLES = (upTo: string) => `
  SELECT coalesce(max(id), 0) AS last, md5(concat(
    (SELECT string_agg(t::text, ';' ORDER BY id) FROM tenants t),
    (SELECT string_agg(o::text, ';' ORDER BY id) FROM orders o),
    string_agg(j::text, ';' ORDER BY id))) AS digest
  FROM journal j WHERE id <= ${upTo}`;
const BULK_TABLES = `SELECT 0 AS last, md5(string_agg(md5(n::text), '' ORDER BY n.n)) AS digest FROM notes n`;
const ALL = '9223372036854775807';

const read = async (database: string, statement: string): Promise<Content> => {
  const [content] = await onServer<Content>('postgres18', database, statement);
  if (content === undefined) throw new Error(`${database} has no content`);
  return content;
};

/** One restore that was begun, whatever became of it. */
interface Begun {
  readonly runId: string;
  readonly dataset: string;
  readonly database: string;
  readonly backupId: string;
  readonly state: string;
}

interface Restored {
  readonly dataset: string;
  readonly database: string;
  /** One of them, and which is no matter. */
  readonly backups: readonly string[];
  /** Nothing may have happened to it. */
  readonly isFresh?: boolean;
}

/**
 * Row for row what its source had at some moment: the journal up to an entry, and everything else; and the moment is that of one of the
 * backups.
 */
async function findDifference(cluster: Cluster, { dataset, database, backups, isFresh }: Restored): Promise<string[]> {
  const { estate } = cluster;
  try {
    const isBulk = dataset === 'bulk';
    const restored = await read(database, isBulk ? BULK_TABLES : SHOP_TABLES(ALL));
    const source = await read(isBulk ? estate.bulk : estate.shop, isBulk ? BULK_TABLES : SHOP_TABLES(restored.last));
    if (restored.digest !== source.digest) return [`${database} is not what ${dataset} was at entry ${restored.last}`];
    const ends = isBulk ? [restored.last] : await Promise.all(backups.map((id) => readJournalEnd(cluster, id)));
    if (isFresh) ends.push('0');
    return ends.includes(restored.last)
      ? []
      : [`${database} ends at entry ${restored.last}, and what was restored there at ${ends.join(' or ')}`];
  } catch (error) {
    return [`${database} cannot be compared with ${dataset}: ${error}`];
  }
}

/** The journal has no gaps, so its rows tell its last entry; the dump's own snapshot has counted them. */
async function readJournalEnd(cluster: Cluster, backupId: string): Promise<string> {
  const [copy] = await cluster.catalog<{ key: string }>(
    `SELECT manifest_key AS key FROM holdfast.backup_copies WHERE backup_id = '${backupId}'`,
  );
  if (copy === undefined) throw new Error(`backup ${backupId} has no copy`);
  const manifest = Manifest.parse(JSON.parse((await readObject(cluster, PREFIX + copy.key)).toString('utf8')));
  const journal = SnapshotFacts.parse(manifest.facts).tables.find(({ name }) => name === 'public.journal');
  return String(journal?.rows ?? 0);
}

/** Where a completed restore left its database: at the end of the very backup that it was to bring back. */
export const findWrongRestore = (cluster: Cluster, restored: Omit<Restored, 'backups'> & { readonly backup: string }) =>
  findDifference(cluster, { ...restored, backups: [restored.backup] });

/** Whole when the restore was called completed; else not there, or as the last one left it that was completed. */
export async function findBrokenRestores(cluster: Cluster, errands: readonly Errand[]): Promise<string[]> {
  const begun = await cluster.catalog<Begun>(
    `SELECT run.id AS "runId", run.dataset, restore.destination AS database, restore.backup_id AS "backupId", run.state
     FROM holdfast.restores restore JOIN holdfast.runs run ON run.id = restore.run_id
     ORDER BY run.settled_at`,
  );
  const databases = await onServer<{ datname: string }>('postgres18', 'postgres', 'SELECT datname FROM pg_database');
  const isThere = (name: string) => databases.some(({ datname }) => datname === name);
  const broken: string[] = [];
  for (const { request, runId, id, database } of errands) {
    if (request.ask !== 'restore' || request.into !== 'new' || database === undefined) continue;
    const done = begun.find((one) => one.runId === runId && one.state === 'completed');
    if (done !== undefined) broken.push(...(await findDifference(cluster, { ...done, backups: [done.backupId] })));
    else if (isThere(database)) broken.push(`${database} is there, though request ${id} was not completed`);
  }
  for (const live of ['live0', 'live1'])
    broken.push(...(await findBrokenLive(cluster, `${cluster.id}_${live}`, begun)));
  return broken;
}

/**
 * What the last completed restore in place has brought back. One that was given up afterwards may have committed before: its own
 * transaction is the only one that can.
 */
function findBrokenLive(cluster: Cluster, database: string, all: readonly Begun[]): Promise<string[]> {
  const begun = all.filter((one) => one.database === database);
  const last = begun.findLastIndex(({ state }) => state === 'completed');
  const backups = begun.slice(Math.max(0, last)).map(({ backupId }) => backupId);
  return findDifference(cluster, { dataset: 'shop', database, backups, isFresh: last < 0 });
}
