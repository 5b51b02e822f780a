import { toShortList } from '#common/errors/printable.js';
import type { PgSession } from './pg-session.js';

/** One lock on a relation, and whose it is. */
export interface TableLock {
  /** Qualified, quoted where that is needed. */
  readonly relation: string;
  /** null: of a prepared transaction, which has no session. */
  readonly pid: number | null;
  readonly role: string;
  readonly application: string;
  readonly state: string;
  /** Since its transaction began. */
  readonly seconds: number;
}

export interface LockQuestion {
  /** Identities of the relations that are waited for. */
  readonly relations: readonly string[];
  /** Only locks that keep a reader out, and not those of readers. */
  readonly exclusiveOnly: boolean;
  /** Sessions of ours. */
  readonly except: readonly number[];
}

const LOCKS = `
  SELECT DISTINCT
    quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS relation,
    a.pid,
    coalesce(a.usename, x.owner, '')::text AS role,
    coalesce(a.application_name, '') AS application,
    coalesce(a.state, 'prepared') AS state,
    greatest(0, extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, x.prepared)))::int AS seconds
  FROM pg_locks l
  JOIN pg_class c ON c.oid = l.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN pg_prepared_xacts x ON l.virtualtransaction = '-1/' || x.transaction
  WHERE l.locktype = 'relation' AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND quote_ident(n.nspname) || '.' || quote_ident(c.relname) = ANY ($1::text[])
    AND (NOT $2::boolean OR l.mode = 'AccessExclusiveLock')
    AND (l.pid IS NULL OR l.pid <> ALL ($3::int[] || pg_backend_pid()))
  ORDER BY seconds DESC, relation`;

/** Who holds locks on some relations of the session's database, the oldest transaction first. */
export const findTableLocks = (session: PgSession, o: LockQuestion): Promise<TableLock[]> =>
  session.query<TableLock>(LOCKS, [o.relations, o.exclusiveOnly, o.except]);

const SHOWN = 3;
const KEPT = 50;

/** For the context of an error: one session can hold a lock on each of thousands of relations. */
export const toLockContext = (locks: readonly TableLock[]): Readonly<Record<string, unknown>> => ({
  holders: locks.slice(0, KEPT),
  ...(locks.length > KEPT ? { locks: locks.length } : {}),
});

/** `pid 4711 (app, psql, idle in transaction for 340 s) holds public.items, public.orders`. Empty when no session holds one any more. */
export function toLockText(locks: readonly TableLock[]): string {
  const byHolder = [...Map.groupBy(locks, ({ pid, role }) => pid ?? `prepared by ${role}`).values()];
  const texts = byHolder.slice(0, SHOWN).map((own) => {
    const [{ pid, role, application, state, seconds } = NO_LOCK] = own;
    const names = own.map(({ relation }) => relation);
    const who = pid === null ? 'a prepared transaction' : `pid ${pid}`;
    const what = [role, application, `${state} for ${seconds} s`].filter((part) => part !== '').join(', ');
    return `${who} (${what}) holds ${toShortList(names, { limit: SHOWN })}`;
  });
  return [...texts, ...(byHolder.length > SHOWN ? [`${byHolder.length - SHOWN} more sessions`] : [])].join('; ');
}

const NO_LOCK: TableLock = { relation: '', pid: null, role: '', application: '', state: '', seconds: 0 };
