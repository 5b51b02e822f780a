/** A file of a relation, as WAL names it: number of the database, number of the file. `5/16401`. */
export type RelationFile = `${string}/${string}`;

/** What one record of WAL says, as far as a search looks at it. Rows are counted as WAL has them: one that was changed twice counts twice. */
export type WalEntry =
  | {
      readonly kind: 'rows';
      readonly xid: string;
      readonly file: RelationFile;
      readonly change: RowChange;
      readonly rows: number;
    }
  | { readonly kind: 'made' | 'emptied'; readonly xid: string; readonly file: RelationFile }
  | { readonly kind: 'running'; readonly nextXid: string }
  | TransactionEnd;

export type RowChange = 'insert' | 'update' | 'delete';

export interface TransactionEnd {
  readonly kind: 'commit' | 'abort';
  readonly xid: string;
  readonly subxids: readonly string[];
  /** Of the record itself: a recovery to it, exclusive, ends just before the transaction. */
  readonly lsn: string;
  /** By the server's clock, in UTC, with microseconds: such texts sort by time. */
  readonly at: string;
  /** What it removed, in the order in which PostgreSQL names it: the reverse of the order in which the transaction came upon it. */
  readonly gone: readonly RelationFile[];
  /** Relations that ceased to exist, by the numbers of database and relation; those that a rewrite fills and throws away are among them. */
  readonly dropped: readonly RelationFile[];
}

const RECORD =
  /^rmgr: (\w+)\s+len \(rec\/tot\):\s*\d+\/\s*\d+, tx:\s*(\d+), lsn: ([0-9A-F]+\/[0-9A-F]+), prev [0-9A-F]+\/[0-9A-F]+, desc: (\S+)(.*)$/;
const ROW_FILE = /blkref #0: rel \d+\/(\d+\/\d+) /;
const PATH_FILE = /^ (?:\S*\/)?(\d+\/\d+)(?: |$)/;
const CHANGES: Readonly<Record<string, RowChange>> = {
  ...{ INSERT: 'insert', MULTI_INSERT: 'insert', DELETE: 'delete', UPDATE: 'update', HOT_UPDATE: 'update' },
};

/** Where a line of `pg_waldump` stands in the WAL; undefined for what is no record. */
export const lsnOfLine = (line: string): string | undefined => RECORD.exec(line)?.[3];

/**
 * What a line of `pg_waldump`, of a process whose time zone is UTC, says; undefined for a record that a search passes over.
 * Source: PostgreSQL `src/backend/access/rmgrdesc`, versions 15 to 18.
 */
export function parseWalLine(line: string): WalEntry | undefined {
  const [, manager, xid = '', lsn = '', what = '', rest = ''] = RECORD.exec(line) ?? [];
  switch (manager) {
    case 'Heap':
    case 'Heap2':
      return toRows(xid, what, rest);
    case 'Storage':
      return toStorage(xid, what, rest);
    case 'Standby':
      return toRunning(/nextXid (\d+)/.exec(what === 'RUNNING_XACTS' ? rest : '')?.[1]);
    case 'XLOG':
      return toRunning(/; xid \d+:(\d+);/.exec(what.startsWith('CHECKPOINT_') ? rest : '')?.[1]);
    case 'Transaction':
      return toEnd(xid, { what, rest, lsn });
    default:
      return undefined;
  }
}

function toRows(xid: string, what: string, rest: string): WalEntry | undefined {
  const change = CHANGES[what.replace('+INIT', '')];
  const file = ROW_FILE.exec(`${rest} `)?.[1];
  if (change === undefined || file === undefined) return undefined;
  const several = /\bntuples: (\d+)|(?:^| )(\d+) tuples/.exec(what.startsWith('MULTI') ? rest : '');
  return { kind: 'rows', xid, file: file as RelationFile, change, rows: Number(several?.[1] ?? several?.[2] ?? 1) };
}

function toStorage(xid: string, what: string, rest: string): WalEntry | undefined {
  const file = PATH_FILE.exec(rest)?.[1];
  if (file === undefined) return undefined;
  if (what === 'CREATE') return { kind: 'made', xid, file: file as RelationFile };
  // VACUUM cuts empty pages off, outside of any transaction.
  const isEmptied = what === 'TRUNCATE' && xid !== '0' && / to 0 blocks /.test(rest);
  return isEmptied ? { kind: 'emptied', xid, file: file as RelationFile } : undefined;
}

const toRunning = (nextXid: string | undefined): WalEntry | undefined =>
  nextXid === undefined ? undefined : { kind: 'running', nextXid };

const END = /^ (?:(\d+): )?(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d+) UTC(.*)$/;

function toEnd(own: string, { what, rest, lsn }: Record<'what' | 'rest' | 'lsn', string>): TransactionEnd | undefined {
  const [, verb] = /^(COMMIT|ABORT)(?:_PREPARED)?$/.exec(what) ?? [];
  const [, prepared, day, time = '', more = ''] = END.exec(rest) ?? [];
  if (verb === undefined || day === undefined) return undefined;
  const parts = more.split(';').map((part) => part.trim());
  const listOf = (name: string): string[] => {
    const part = parts.find((each) => each.startsWith(`${name}: `));
    return part === undefined ? [] : part.slice(name.length + 2).split(' ');
  };
  return {
    ...{ kind: verb === 'COMMIT' ? 'commit' : 'abort', xid: prepared ?? own, subxids: listOf('subxacts'), lsn },
    at: `${day}T${time}Z`,
    gone: listOf('rels').map((path) => path.split('/').slice(-2).join('/') as RelationFile),
    // Statistics of relations are of kind 2, and are dropped with them.
    dropped: listOf('dropped stats').flatMap((each) => (each.startsWith('2/') ? [each.slice(2) as RelationFile] : [])),
  };
}
