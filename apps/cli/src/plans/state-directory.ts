import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { isUuid } from '#common/domain/ids.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import type { RunState } from '#common/operations/plans/run-state.js';
import { text } from '../options.js';
import type { Options, VerbContext } from '../verb.js';
import { readRun } from './run-journal.js';

export const stateOption = [
  '--state <directory>',
  'where runs keep their journals; default: `recovery.directory` of the configuration, then ~/.local/state/holdfast/recovery',
] as const;

export const runArgument = ['<run>', 'the id of a run, or `last` for the newest'] as const;

export function stateDirectory(options: Options, { installation }: Pick<VerbContext, 'installation'>): string {
  const asked = text(options, 'state');
  if (asked !== undefined) return resolve(asked);
  return installation.config.recovery.directory ?? join(homedir(), '.local/state/holdfast/recovery');
}

export interface ListedRuns {
  /** Newest first. */
  readonly runs: readonly RunState[];
  /** Runs whose journals cannot be read, and why. */
  readonly unread: readonly { readonly runId: string; readonly why: string }[];
}

/** Every run whose journal lies there; a directory that is not there holds none. */
export function listRuns(directory: string): ListedRuns {
  const runs: RunState[] = [];
  const unread: { runId: string; why: string }[] = [];
  for (const runId of runIdsIn(directory)) {
    try {
      runs.push(readRun(directory, runId).state);
    } catch (error) {
      unread.push({ runId, why: toAppError(error).message });
    }
  }
  return { runs, unread };
}

/** Throws: plan.run-missing, request.invalid. */
export function toRunId(named: string, directory: string): string {
  if (isUuid(named)) return named;
  if (named !== 'last') throw new AppError('request.invalid', `"${named}" is no run: name its id, or \`last\``);
  const [newest] = runIdsIn(directory);
  if (newest !== undefined) return newest;
  throw new AppError('plan.run-missing', `there is no run in ${directory}`);
}

/** Ids sort by time. */
function runIdsIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter(isUuid).sort().reverse();
  } catch {
    return [];
  }
}
