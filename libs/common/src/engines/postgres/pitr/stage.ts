import {
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AttemptIdentity, StateOf, Swept } from '#common/engines/engine.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { isKnownDead } from '#common/process/orphans.js';
import { PARENT_MARK, toParentMark } from '#common/process/parent-mark.js';
import { findProcess, findWorkingDirectory } from '#common/process/process-table.js';
import { giveTo, ownerFor } from './ownership.js';
import { isSocketFolder } from './scratch-server.js';

/**
 * The folder in which one attempt makes a cluster, beside the place where it is to appear: one rename then makes it appear whole. Its name
 * says whose it is, and nothing but a folder of such a name is ever removed.
 */
export interface Stage {
  readonly path: string;
  readonly dataDirectory: string;
  readonly toTablespace: (oid: string) => string;
}

/** In a stage: names the process that made it, by its mark. */
const STARTER = 'starter';
const NAME = /^\.holdfast-recovery-([0-9a-f-]{36})-a(\d+)(?:\.gone)?$/;
const TABLESPACES = 'tablespaces';

export const dataDirectoryIn = (folder: string): string => join(folder, 'data');

/** Throws: recovery.directory. */
export async function openStage(root: string, { runId, attempt }: AttemptIdentity): Promise<Stage> {
  const path = join(root, `.holdfast-recovery-${runId}-a${attempt}`);
  const owner = await ownerFor(path);
  try {
    for (const folder of [path, join(path, TABLESPACES)]) {
      await mkdir(folder, { mode: 0o700 });
      await giveTo(folder, owner);
    }
    await writeFile(join(path, STARTER), toParentMark()[PARENT_MARK] ?? '', { mode: 0o600 });
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code;
    throw new AppError('recovery.directory', `cannot make a folder in ${root}: ${toText(reason)}`, { root }, { cause });
  }
  return { path, dataDirectory: dataDirectoryIn(path), toTablespace: (oid) => join(path, TABLESPACES, oid) };
}

/** By what a folder is known whatever it is called: no other has both numbers. */
export async function findMark(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? undefined : `${found.ino}:${found.birthtimeNs}`;
}

/**
 * Makes the cluster appear, whole, where nothing or an empty directory was. Throws: recovery.directory when something came in between;
 * claim.lost when the stage is gone, for then a later attempt has the run.
 */
export async function publish({ path, dataDirectory }: Stage, to: { root: string; directory: string }): Promise<void> {
  const links = join(dataDirectory, 'pg_tblspc');
  for (const oid of await readdir(links).catch(() => [])) {
    if (!(await readlink(join(links, oid)).catch(() => '')).startsWith(path)) continue;
    await rm(join(links, oid));
    await symlink(join(to.directory, TABLESPACES, oid), join(links, oid));
  }
  await rmdir(join(path, TABLESPACES)).catch(() => undefined);
  await rm(join(path, STARTER), { force: true });
  await rename(path, to.directory).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT')
      throw new AppError('claim.lost', `${path} is gone: a later attempt has the run`, {}, { cause });
    const message = `${to.directory} cannot be made: ${toText(cause.code)}; is it still absent or empty?`;
    throw new AppError('recovery.directory', message, {}, { cause });
  });
  const root = await open(to.root);
  await root.sync().finally(() => root.close());
}

/** Takes a cluster that an attempt published out of its place, and removes it with its server. What is left after a crash, a sweep removes. */
export async function withdraw(directory: string, root: string, { runId, attempt }: AttemptIdentity): Promise<void> {
  const gone = join(root, `.holdfast-recovery-${runId}-a${attempt}.gone`);
  await rename(directory, gone);
  await endStage(gone);
}

/** Ends and removes what this attempt, and those before it, have under way: none of it can appear any more. */
export async function endStages(root: string, { runId, attempt }: AttemptIdentity): Promise<void> {
  for (const { name, ...stage } of await listStages(root))
    if (stage.runId === runId && stage.attempt <= attempt) await endStage(join(root, name));
}

/** What is not to appear any more. */
export const removeStage = ({ path }: Stage): Promise<void> => endStage(path);

/** Longer than any recovery that `--local` may be at, which no catalog knows. */
const UNKNOWN_AFTER_MS = 7 * 24 * 3_600_000;

/** Ends and removes what attempts of runs that are over have left, and of processes that no catalog knows and that are dead. */
export async function sweepStages(root: string, stateOf: StateOf): Promise<Swept> {
  const removed: string[] = [];
  const failed: Swept['failed'][number][] = [];
  for (const { name, runId } of await listStages(root)) {
    const path = join(root, name);
    const state = await stateOf(runId);
    if (state === 'open' || (state === 'unknown' && !(await isLeft(path)))) continue;
    try {
      await endStage(path);
      removed.push(path);
    } catch (error) {
      failed.push({ what: `${path}, which a dead recovery left`, error: toAppError(error) });
    }
  }
  return { ended: [], removed, failed };
}

async function isLeft(path: string): Promise<boolean> {
  const starter = await readFile(join(path, STARTER), 'utf8').catch(() => '');
  return (await isKnownDead(starter)) || (await ageMs(path)) >= UNKNOWN_AFTER_MS;
}

const ageMs = async (path: string): Promise<number> =>
  Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;

interface StageName extends AttemptIdentity {
  readonly name: string;
}

/** A root that is not on this machine has nothing of ours. */
async function listStages(root: string): Promise<StageName[]> {
  return (await readdir(root).catch(() => [])).flatMap((name) => {
    const [, runId, attempt] = NAME.exec(name) ?? [];
    return runId === undefined ? [] : [{ name, runId, attempt: Number(attempt) }];
  });
}

/** First of all the name goes: a frozen attempt that thaws has nothing left that it could make appear. */
async function endStage(path: string): Promise<void> {
  const gone = path.endsWith('.gone') ? path : `${path}.gone`;
  if (gone !== path) await rename(path, gone);
  await endServer(dataDirectoryIn(gone));
  // A program that still writes there fails at its next file.
  await rm(gone, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

const QUIT_MS = 10_000;

/** The server over a data directory that is not needed: it is ended at once, by SIGQUIT and in the end by SIGKILL. */
async function endServer(dataDirectory: string): Promise<void> {
  const pid = await findServer(dataDirectory);
  if (pid === undefined) return;
  const [, , , , sockets = ''] = (await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch(() => '')).split(
    '\n',
  );
  process.kill(pid, 'SIGQUIT');
  const deadline = performance.now() + QUIT_MS;
  while ((await findServer(dataDirectory)) !== undefined && performance.now() < deadline) await delay(50);
  if ((await findServer(dataDirectory)) !== undefined) process.kill(pid, 'SIGKILL');
  // It outlived the one who made it a folder for its socket.
  if (isSocketFolder(sockets)) await rm(sockets, { recursive: true, force: true });
}

/** The number of the server that runs over a data directory; undefined: none does. A number may have gone to another process meanwhile. */
export async function findServer(dataDirectory: string): Promise<number | undefined> {
  const text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  if (!(pid > 1)) return undefined;
  const entry = await findProcess(pid);
  if (entry === undefined || entry.isGone) return undefined;
  const place = await realpath(dataDirectory).catch(() => undefined);
  return (await findWorkingDirectory(pid)) === place ? pid : undefined;
}
