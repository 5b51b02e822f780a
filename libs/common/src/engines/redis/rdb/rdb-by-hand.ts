import type { MadeBackup } from '#common/engines/engine.js';
import type { RedisFacts } from '#common/engines/redis/facts.js';
import { toServerName } from '#common/engines/redis/server-identity.js';
import { quoteArgument } from '#common/process/command.js';

/** Puts the files in place of those of a stopped server. */
export function toCommandsByHand({ facts }: MadeBackup<RedisFacts>): readonly string[] {
  const program = `${facts.server}-server`;
  const files = facts.nodes.map(({ object }) => object);
  return [
    `# With ${toServerName(facts)} or newer of the same make: an older one does not read RDB version ${facts.rdbVersion}.`,
    `${facts.server}-check-rdb ${files.map(quoteArgument).join(' ')}`,
    ...(facts.mode === 'cluster'
      ? toCluster(facts)
      : [`# Stop the server, then, in its \`dir\`:`, 'mv dump.rdb /var/lib/redis/dump.rdb']),
    '# A server with the append-only file on reads that instead, and starts empty without one: start it once without,',
    `${program} /etc/redis/redis.conf --appendonly no`,
    '# and switch it on in the running server, which writes the file anew; wait for `aof_rewrite_in_progress:0`.',
    'redis-cli config set appendonly yes',
    'redis-cli info persistence',
  ];
}

const toCluster = ({ nodes }: RedisFacts): string[] => [
  '# Every file belongs to a master with these slots; each goes into the `dir` of a stopped server as dump.rdb:',
  ...nodes.map(({ object, slots }) => `# ${object}: slots ${slots ?? '-'}`),
];
