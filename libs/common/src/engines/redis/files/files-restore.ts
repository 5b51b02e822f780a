import { constants } from 'node:fs';
import { access, link, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RestoreOrder, RestoreQuestion, RestoreWork } from '#common/engines/engine.js';
import type { FencePlace, FileFence } from '#common/engines/file-fence.js';
import { formatAofManifest } from '#common/engines/redis/aof/aof-manifest.js';
import { RedisClient } from '#common/engines/redis/client.js';
import { type RedisNode, toAddress } from '#common/engines/redis/connection.js';
import type { RedisFacts } from '#common/engines/redis/facts.js';
import type { RedisTarget } from '#common/engines/redis/redis-dataset.js';
import type { RedisRestorePlan } from '#common/engines/redis/restore/restore-plan.js';
import { copyDurably, openStage } from '#common/engines/staged-files.js';
import { AppError, toProblem } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';

/** Defaults of `dbfilename`, `appenddirname` and `appendfilename`. */
const [DUMP, APPEND_DIRECTORY, APPEND_FILE] = ['dump.rdb', 'appendonlydir', 'appendonly.aof'];

type Question = RestoreQuestion<RedisTarget, RedisFacts>;
type Order = RestoreOrder<RedisTarget, RedisFacts>;
type Work = RestoreWork<RedisRestorePlan, FileFence>;

export const fencePlaceOf = (directory: string | undefined): FencePlace | undefined =>
  directory === undefined ? undefined : { file: join(directory, '.holdfast-restore.lock'), code: 'redis.directory' };

/** What stands in the way of files for a stopped server. Throws: the abort reason. */
export async function previewFiles(question: Question, signal: AbortSignal): Promise<RedisRestorePlan> {
  const { target, destination, strategy, manifest } = question;
  const problem = await findObstacle(question, signal);
  return {
    ...{ target: target.name, destination, strategy, server: `files in ${target.directory ?? 'no directory'}` },
    databases: manifest.snapshot.databases.map(({ db, keys }) => ({
      from: db,
      to: db,
      keys,
      keysThere: 0,
      isOurs: false,
    })),
    ...{ functions: manifest.snapshot.functions.map(({ name }) => name), functionsThere: [], exists: false },
    refusals: problem === undefined ? [] : [toProblem(problem)],
  };
}

async function findObstacle({ target, manifest }: Question, signal: AbortSignal): Promise<AppError | undefined> {
  const { directory, name, connection } = target;
  const refuse = (message: string): AppError => new AppError('redis.directory', message, { directory });
  if (directory === undefined) return refuse(`target "${name}" names no directory for files`);
  if (manifest.snapshot.mode === 'cluster') return refuse('a backup of a cluster has files of more than one server');
  const node = connection.nodes[0] as RedisNode;
  if (await answers(target, node, signal))
    return refuse(`the server at ${toAddress(node)} answers, and would overwrite the files`);
  try {
    await access(directory, constants.W_OK);
    const there = (await readdir(directory)).filter((each) => each === DUMP || each === APPEND_DIRECTORY);
    if (there.length > 0) return refuse(`${directory} holds ${there.join(' and ')} already`);
    return undefined;
  } catch (error) {
    return refuse(`cannot write to ${directory}: ${toText((error as NodeJS.ErrnoException).code)}`);
  }
}

/** Also one that refuses us answers. */
async function answers({ connection }: RedisTarget, node: RedisNode, signal: AbortSignal): Promise<boolean> {
  try {
    (await RedisClient.open(connection, node, { signal, name: 'holdfast-plan' })).close();
    return true;
  } catch (error) {
    signal.throwIfAborted();
    return !(error instanceof AppError && error.code === 'redis.unreachable');
  }
}

/**
 * Puts a snapshot where a stopped server finds it, with the append-only file on or off: as its dump, and as the base of its append-only files, for a server
 * that finds none of those starts empty and overwrites. Throws: redis.directory, backup.corrupt; the abort reason.
 */
export async function restoreDump(order: Order, work: Work, signal: AbortSignal): Promise<void> {
  const spooled = await work.material.spool(DUMP);
  const stage = await openStage(order.target.directory ?? '', order.identity);
  await copyDurably(spooled, join(stage, DUMP));
  const base = { name: `${APPEND_FILE}.1.base.rdb`, sequence: 1, type: 'base' as const };
  await mkdir(join(stage, APPEND_DIRECTORY));
  // Neither is ever written in place: the server replaces both by new files.
  await link(join(stage, DUMP), join(stage, APPEND_DIRECTORY, base.name));
  await writeFile(join(stage, APPEND_DIRECTORY, `${APPEND_FILE}.manifest`), formatAofManifest([base]));
  await finish(order, work, { stage, names: [APPEND_DIRECTORY, DUMP], signal });
}

/** Puts append-only files where a stopped server finds them. Throws: redis.directory, backup.corrupt; the abort reason. */
export async function restoreAppendOnly(order: Order, work: Work, signal: AbortSignal): Promise<void> {
  const stage = await openStage(order.target.directory ?? '', order.identity);
  await mkdir(join(stage, APPEND_DIRECTORY));
  for (const { object } of order.manifest.snapshot.nodes)
    await copyDurably(await work.material.spool(object), join(stage, APPEND_DIRECTORY, object));
  await finish(order, work, { stage, names: [APPEND_DIRECTORY], signal });
}

interface Finish {
  readonly stage: string;
  readonly names: readonly string[];
  readonly signal: AbortSignal;
}

async function finish({ target, identity }: Order, { fence, remember }: Work, o: Finish): Promise<void> {
  const directory = target.directory ?? '';
  o.signal.throwIfAborted();
  await fence.assertHeld();
  await remember({
    findings: {
      nextSteps: [
        `let the user of the server own what is in ${directory}`,
        'start the server; names of files other than the defaults have to be those of its configuration',
      ],
    },
  });
  for (const name of o.names) await rename(join(o.stage, name), join(directory, name));
  await rm(o.stage, { recursive: true, force: true });
  await remember({ doneMark: identity.runId });
}
