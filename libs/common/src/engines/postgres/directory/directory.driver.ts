import { readdir, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { BaseFacts } from '#common/contracts/base-facts.js';
import type {
  AttemptIdentity,
  FenceOptions,
  RestoreDriver,
  RestoredBy,
  RestoreOrder,
  RestoreQuestion,
  RestoreWork,
  StateOf,
  Swept,
} from '#common/engines/engine.js';
import { FileFence, findHolder, releaseFence } from '#common/engines/file-fence.js';
import type { Findings } from '#common/engines/findings.js';
import { ownerFor } from '#common/engines/postgres/pitr/ownership.js';
import {
  describeOutlook,
  findLackOfSpace,
  findProspect,
  lookAhead,
  type RecoveryPlan,
} from '#common/engines/postgres/pitr/plan-recovery.js';
import { findRecoveryTools, recover } from '#common/engines/postgres/pitr/recover.js';
import { endStages, findMark, openStage, publish, sweepStages, withdraw } from '#common/engines/postgres/pitr/stage.js';
import { AppError, toProblem } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { type DirectoryTarget, fencePlaceOf, folderOf, lockedBy } from './directory-target.js';
import { isSocketReachable, socketFolderOf, startHandedOver } from './handed-over.js';

type Question = RestoreQuestion<DirectoryTarget, BaseFacts>;
type Order = RestoreOrder<DirectoryTarget, BaseFacts>;

interface DirectoryPlan extends RecoveryPlan {
  readonly directory: string;
  readonly leave: DirectoryTarget['leave'];
}

/** Puts a cluster into a directory of its own, recovered to a point in time. */
export const directoryDriver: RestoreDriver<DirectoryTarget, BaseFacts, DirectoryPlan, FileFence> = {
  method: 'base',
  strategies: ['new'],
  recovers: true,
  findings: {
    foreignCollations:
      'databases whose text another version of the locale library sorts here: check their indexes with pg_amcheck and reindex them',
    nextSteps: 'to do',
  },

  async plan(question: Question, signal: AbortSignal): Promise<DirectoryPlan> {
    const { target, destination, strategy } = question;
    const directory = folderOf(target, destination);
    const { outlook, problems } = await lookAhead(question, signal);
    const exists = (await stat(directory).catch(() => undefined)) !== undefined;
    const obstacles = await findObstacles(question, signal);
    const all = [...obstacles, ...problems, ...(await findLackOfSpace(target.root, outlook))];
    const place = { target: target.name, destination, strategy, exists, directory, leave: target.leave };
    return { ...outlook, ...place, refusals: all.map(toProblem) };
  },

  describe: (plan) => ({
    ...describeOutlook(plan),
    directory: `${plan.directory} on ${hostname()}, ${plan.exists ? 'exists' : 'does not exist'}`,
    afterwards: plan.leave === 'running' ? 'a server runs that only its socket reaches' : 'shut down cleanly',
  }),

  async fence({ target, destination, identity }: Order, o: FenceOptions): Promise<FileFence> {
    const fence = await FileFence.open(fencePlaceOf(target, destination), identity, o);
    await endStages(target.root, { ...identity, attempt: identity.attempt - 1 });
    return fence;
  },

  async isDone({ target, destination, manifest }: Order, _fence, mark): Promise<boolean> {
    if ((await findMark(folderOf(target, destination))) !== mark) return false;
    await leave({ target, destination, facts: manifest.snapshot }, AbortSignal.timeout(START_MS));
    return true;
  },

  async discard({ target, destination, identity }: RestoredBy<DirectoryTarget>, mark: string | null): Promise<void> {
    const directory = folderOf(target, destination);
    if (mark !== null && (await findMark(directory)) === mark) await withdraw(directory, target.root, identity);
  },

  async apply(order: Order, work: RestoreWork<DirectoryPlan, FileFence>, signal: AbortSignal): Promise<void> {
    const { target, destination, identity, archive } = order;
    const { material, fence, remember, onProgress } = work;
    if (archive === undefined) throw new AppError('internal.bug', 'a restore of a base backup has no archive');
    const { facts, decision, opened } = await findProspect(order, signal);
    const stage = await openStage(target.root, identity);
    const { dataDirectory: directory, toTablespace } = stage;
    const {
      foreignCollations,
      seen: _,
      ...recovered
    } = await recover(
      { ...decision, facts, directory, toTablespace },
      {
        ...{ material, archive: opened.archive, keyring: archive.keyring, toolDirectories: target.toolDirectories },
        onStage: (name) => onProgress({ stage: name, bytes: 0, totalBytes: null }),
      },
      { signal, use: async () => undefined },
    );
    const findings = { foreignCollations, nextSteps: toNextSteps(order) };
    await remember({ findings, recovered, doneMark: (await findMark(stage.path)) ?? null });
    signal.throwIfAborted();
    await fence.assertHeld();
    await publish(stage, { root: target.root, directory: folderOf(target, destination) });
    await leave({ target, destination, facts }, signal);
  },

  remarks: (): Findings => ({}),

  async end({ root, ...target }: DirectoryTarget, identity: AttemptIdentity): Promise<void> {
    for (const { file } of await listLocks({ root, ...target })) await releaseFence(file, identity);
    await endStages(root, identity);
  },

  async sweep(target: DirectoryTarget, stateOf: StateOf): Promise<Swept> {
    const ended: string[] = [];
    for (const { file } of await listLocks(target)) {
      const holder = await findHolder(file);
      if (holder === undefined || (await stateOf(holder.runId)) !== 'over') continue;
      await releaseFence(file, holder);
      ended.push(holder.runId);
    }
    return { ...(await sweepStages(target.root, stateOf)), ended };
  },
};

/** A server that has to read much before it answers. */
const START_MS = 120_000;

const leave = async (made: Parameters<typeof startHandedOver>[0], signal: AbortSignal): Promise<void> => {
  if (made.target.leave === 'running') await startHandedOver(made, signal);
};

function toNextSteps({ target, destination }: Order): string[] {
  const directory = join(folderOf(target, destination), 'data');
  if (target.leave === 'running')
    return [
      `psql reaches it as the superuser with --host=${socketFolderOf(target, destination)}`,
      `stop it with pg_ctl stop --pgdata=${directory} before you start it with its own configuration`,
    ];
  return [`look at the configuration, which is that of the source, then pg_ctl start --pgdata=${directory}`];
}

async function findObstacles(
  { target, destination, manifest, identity }: Question,
  signal: AbortSignal,
): Promise<AppError[]> {
  const directory = folderOf(target, destination);
  const holder = await findHolder(fencePlaceOf(target, destination).file);
  const problems: AppError[] = [];
  if (holder !== undefined && holder.runId !== identity?.runId)
    problems.push(new AppError('restore.busy', `run ${holder.runId} restores into ${directory} now`));
  const entries = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') problems.push(refuse(`${directory} is in the way: ${toText(error.code)}`));
    return [];
  });
  if (entries.length > 0) problems.push(refuse(`${directory} is not empty: it has ${JSON.stringify(entries[0])}`));
  const socketFolder = socketFolderOf(target, destination);
  if (target.leave === 'running' && !isSocketReachable(socketFolder))
    problems.push(refuse(`the path of a socket in ${socketFolder} would be too long`));
  for (const look of [
    () => ownerFor(directory),
    () => findRecoveryTools(manifest.snapshot, { toolDirectories: target.toolDirectories }, signal),
  ])
    await look().catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error;
      problems.push(error);
    });
  return problems;
}

const refuse = (message: string): AppError => new AppError('recovery.directory', message);

async function listLocks({ root }: Pick<DirectoryTarget, 'root'>): Promise<{ readonly file: string }[]> {
  const names = await readdir(root).catch(() => []);
  return names.filter((name) => lockedBy(name) !== undefined).map((name) => ({ file: join(root, name) }));
}
