import type { MadeBackup } from '#common/engines/engine.js';
import type { RedisFacts } from '#common/engines/redis/facts.js';
import { toServerName } from '#common/engines/redis/server-identity.js';

/** Starts a server with the data, and says how to put the file in place of that of another one. */
export function toCommandsByHand({ facts }: MadeBackup<RedisFacts>): readonly string[] {
  const program = `${facts.server}-server`;
  return [
    `# With ${toServerName(facts)} or newer of the same make: an older one does not read RDB version ${facts.rdbVersion}.`,
    ...facts.nodes.flatMap(({ object, slots }, index) => [
      `# A server with what is in ${object}${slots === null ? '' : `, slots ${slots}`}, on port ${PORT} or the next:`,
      `${program} --dir "$PWD" --dbfilename ${object} --save '' --appendonly no --port $((\${REDIS_PORT:-${PORT}} + ${index})) --daemonize yes`,
    ]),
    '# Or in place of the dump.rdb in the `dir` of a server that is stopped. One with the append-only file on reads that instead, and starts empty without:',
    `# start it once by \`${program} … --appendonly no\`, then \`redis-cli config set appendonly yes\`, and wait for \`aof_rewrite_in_progress:0\` of \`redis-cli info persistence\`.`,
  ];
}

const PORT = 6379;
