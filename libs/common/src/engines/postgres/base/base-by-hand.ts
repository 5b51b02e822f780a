import type { BaseFacts } from '#common/contracts/base-facts.js';
import type { MadeBackup } from '#common/engines/engine.js';
import { quoteArgument } from '#common/process/command.js';
import { MANIFEST } from './base-archives.js';

/** The data directory's own object, unsealed. */
export const BASE = 'base.tar';

/** Unpacks a data directory that starts by itself, with `tar` and the tools of PostgreSQL alone. */
export function toBaseByHand({ facts }: MadeBackup<BaseFacts>): readonly string[] {
  const major = Math.floor(facts.serverVersionNum / 10_000);
  return [
    `# With the programs of PostgreSQL ${major}, as the user that the server runs as; the folder ./data becomes the data directory.`,
    ...(facts.chain.length === 0 ? toWhole(facts) : toCombined(facts)),
    '# It becomes consistent with the WAL that it brings along. To go on with archived WAL, set restore_command and touch data/recovery.signal first.',
    'pg_ctl start --wait --pgdata=data',
  ];
}

const toWhole = ({ tablespaces }: BaseFacts): string[] => [
  'mkdir --mode=700 data',
  `tar --extract --file=${BASE} --directory=data`,
  ...tablespaces.flatMap(({ oid, location, object }) => [
    ELSEWHERE(oid),
    `mkdir --parents --mode=700 ${quoteArgument(location)}`,
    `tar --extract --file=${object} --directory=${quoteArgument(location)}`,
    `ln --symbolic ${quoteArgument(location)} data/pg_tblspc/${oid}`,
  ]),
  `pg_verifybackup --no-parse-wal --manifest-path=${MANIFEST} data`,
];

const ELSEWHERE = (oid: string): string =>
  `# Tablespace ${oid}: to lie elsewhere than on the source, name another folder here and in data/tablespace_map.`;

/** The backups that it builds on lie in folders of their ids by then, fetched and unsealed; each is unpacked and proven, and all are put together. */
const toCombined = ({ chain, tablespaces }: BaseFacts): string[] => [
  ...chain.flatMap(({ backupId, tablespaces: oids }) => toPart(backupId, oids)),
  ...toPart(
    '.',
    tablespaces.map(({ oid }) => oid),
  ),
  ...tablespaces.map(({ oid }) => ELSEWHERE(oid)),
  [
    'pg_combinebackup --output=data',
    ...tablespaces.map(({ oid, location }) => `--tablespace-mapping="$PWD/${oid}"=${quoteArgument(location)}`),
    ...chain.map(({ backupId }) => `${backupId}/part`),
    'part',
  ].join(' '),
];

function toPart(folder: string, oids: readonly string[]): string[] {
  const at = folder === '.' ? '' : `${folder}/`;
  return [
    `mkdir --mode=700 ${at}part`,
    `tar --extract --file=${at}${BASE} --directory=${at}part`,
    ...oids.flatMap((oid) => [
      `mkdir --mode=700 ${at}${oid}`,
      `tar --extract --file=${at}${oid}.tar --directory=${at}${oid}`,
      `ln --symbolic "$PWD/${at}${oid}" ${at}part/pg_tblspc/${oid}`,
    ]),
    `cp ${at}${MANIFEST} ${at}part/`,
    `pg_verifybackup --no-parse-wal ${at}part`,
  ];
}
