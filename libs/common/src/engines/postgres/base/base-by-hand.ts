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
    'mkdir --mode=700 data',
    `tar --extract --file=${BASE} --directory=data`,
    ...facts.tablespaces.flatMap(({ oid, location, object }) => [
      `# Tablespace ${oid}: to lie elsewhere than on the source, name another folder here and in data/tablespace_map.`,
      `mkdir --parents --mode=700 ${quoteArgument(location)}`,
      `tar --extract --file=${object} --directory=${quoteArgument(location)}`,
      `ln --symbolic ${quoteArgument(location)} data/pg_tblspc/${oid}`,
    ]),
    `pg_verifybackup --no-parse-wal --manifest-path=${MANIFEST} data`,
    '# It becomes consistent with the WAL that it brings along. To go on with archived WAL, set restore_command and touch data/recovery.signal first.',
    'pg_ctl start --wait --pgdata=data',
  ];
}
