import { describe, expect, it } from '@jest/globals';
import { followBack, followOn, SwapCollector } from './file-swaps.js';
import { parseWalLine, type RelationFile, type WalEntry } from './wal-line.js';

const line = (manager: string, xid: number, desc: string): string =>
  `rmgr: ${manager.padEnd(11)} len (rec/tot):     54/    54, tx: ${String(xid).padStart(10)}, lsn: 0/01735358, prev 0/01735318, desc: ${desc}`;

describe('a line of pg_waldump', () => {
  it.each<[string, string, Partial<WalEntry>]>([
    [
      'Heap',
      'DELETE xmax: 763, off: 6, infobits: [KEYS_UPDATED], flags: 0x00, blkref #0: rel 1663/5/16432 blk 0',
      { kind: 'rows', change: 'delete', file: '5/16432', rows: 1 },
    ],
    [
      'Heap',
      'INSERT+INIT off: 1, flags: 0x00, blkref #0: rel 16500/5/16406 blk 0 FPW',
      { kind: 'rows', change: 'insert', file: '5/16406' },
    ],
    [
      'Heap',
      'HOT_UPDATE old_xmax: 763, old_off: 8, old_infobits: [], flags: 0x20, new_xmax: 0, new_off: 9, blkref #0: rel 1663/5/16432 blk 0',
      { change: 'update' },
    ],
    [
      'Heap2',
      'MULTI_INSERT ntuples: 3, flags: 0x02, offsets: [6, 7, 8], blkref #0: rel 1663/5/16432 blk 0',
      { rows: 3 },
    ],
    ['Heap2', 'MULTI_INSERT+INIT 12 tuples flags 0x02, blkref #0: rel 1663/5/16432 blk 0', { rows: 12 }],
    ['Storage', 'CREATE pg_tblspc/16500/PG_18_202506291/5/16401', { kind: 'made', file: '5/16401' }],
    ['Storage', 'TRUNCATE base/5/16444 to 0 blocks flags 7', { kind: 'emptied', file: '5/16444' }],
    [
      'Standby',
      'RUNNING_XACTS nextXid 750 latestCompletedXid 749 oldestRunningXid 750',
      { kind: 'running', nextXid: '750' },
    ],
    [
      'XLOG',
      'CHECKPOINT_ONLINE redo 0/174E9C8; tli 1; prev tli 1; fpw true; wal_level replica; xid 0:770; oid 24576; online',
      { nextXid: '770' },
    ],
    [
      'Transaction',
      'COMMIT 2026-11-28 02:06:51.097034 UTC; rels: base/5/16392 base/5/16384; subxacts: 764 765; dropped stats: 2/5/16419 1/5/0; inval msgs: catcache 57 relcache 16384',
      {
        kind: 'commit',
        at: '2026-11-28T02:06:51.097034Z',
        gone: ['5/16392', '5/16384'],
        dropped: ['5/16419'],
        subxids: ['764', '765'],
        lsn: '0/01735358',
      },
    ],
    ['Transaction', 'COMMIT_PREPARED 768: 2026-11-28 02:06:51.413585 UTC', { kind: 'commit', xid: '768' }],
    ['Transaction', 'ABORT 2026-11-28 02:06:51.413585 UTC', { kind: 'abort' }],
  ])('of %s says %s', (manager, desc, entry) => {
    expect(parseWalLine(line(manager, 763, desc))).toMatchObject(entry);
  });

  it.each([
    ['Heap', 'LOCK xmax: 755, off: 1, infobits: [LOCK_ONLY], flags: 0x00, blkref #0: rel 1663/5/2606 blk 1'],
    ['Storage', 'CREATE base/5/16401_init'],
    ['Btree', 'INSERT_LEAF off: 3, blkref #0: rel 1663/5/16432 blk 0'],
    ['Transaction', 'PREPARE gid x: 2026-11-28 02:06:51.413457 UTC'],
  ])('of %s is passed over where it is %s', (manager, desc) => {
    expect(parseWalLine(line(manager, 763, desc))).toBeUndefined();
  });
});

/** What PostgreSQL 18 wrote: TRUNCATE, TRUNCATE of two tables, VACUUM FULL, CLUSTER, ALTER TABLE … TYPE. */
const SWAPS: readonly (readonly [xid: number, made: string, gone: string, dropped: string])[] = [
  [756, '16401 16402 16403 16404 16405', '16392 16390 16389 16388 16384', ''],
  [
    757,
    '16406 16407 16408 16409 16410 16411 16412 16413 16414',
    '16399 16398 16397 16393 16405 16404 16403 16402 16401',
    '',
  ],
  [759, '16415 16418 16419 16420 16421', '16406 16407 16408 16410 16409', '16419 16418 16415'],
  [760, '16422 16425 16426 16427 16428', '16415 16418 16419 16421 16420', '16426 16425 16422'],
  [761, '16429 16432 16435 16436 16437 16438', '16422 16425 16426 16429 16428 16427', '16390 16389 16388 16432'],
];

function toSwaps(): SwapCollector {
  const collector = new SwapCollector();
  const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');
  for (const [xid, made, gone, dropped] of SWAPS) {
    for (const file of words(made))
      collector.add(parseWalLine(line('Storage', xid, `CREATE base/5/${file}`)) as WalEntry);
    const rels = words(gone).map((file) => `base/5/${file}`);
    const stats = words(dropped).map((oid) => `2/5/${oid}`);
    const end = `COMMIT 2026-11-28 02:06:51.1 UTC; rels: ${rels.join(' ')}${stats.length === 0 ? '' : `; dropped stats: ${stats.join(' ')}`}`;
    collector.add(parseWalLine(line('Transaction', xid, end)) as WalEntry);
  }
  return collector;
}

describe('the files of a relation', () => {
  const files: RelationFile[] = ['5/16384', '5/16401', '5/16406', '5/16415', '5/16422', '5/16432'];

  it('are followed back over TRUNCATE and rewrites from the one that it has now', () => {
    expect(followBack(toSwaps().swaps, '5/16432', '5/16384').files).toEqual(files.toReversed());
  });

  it('are followed on from the one that it had', () => {
    expect(followOn(toSwaps().swaps, '5/16384', '5/16384').files).toEqual(files);
    expect(followOn(toSwaps().swaps, '5/16393', '5/16393').files).toEqual(['5/16393', '5/16411']);
  });

  it('are said to be lost where a transaction removed more than it made anew', () => {
    const { swaps } = toSwaps();
    const [first] = swaps;
    const unclear = { ...first, gone: [...(first?.gone ?? []), '5/17000'] } as (typeof swaps)[number];
    expect(followBack([unclear], '5/16401', '5/99')).toEqual({ files: ['5/16401'], lostAt: '756' });
    expect(followBack([unclear], '5/16401', '5/16384').files).toEqual(['5/16401', '5/16384']);
  });
});
