import type { BusPosition } from '#common/contracts/bus-position.js';
import type { DataOf } from '#common/contracts/define-event.js';
import { ReplayRequested } from '#common/contracts/events/replay-requested.event.js';
import { decideReplayTopics } from '#common/domain/request.policy.js';
import { AppError } from '#common/errors/app-error.js';
import { toPathText } from '#common/errors/issue-text.js';
import { locateBackup } from './backup-ref.js';
import { given, list, text, wholeNumber } from './options.js';
import { parseReplayStart, type ReplayStart } from './replay-start.js';
import type { Options, VerbContext } from './verb.js';

export interface ReplayArguments {
  /** Of the backup; undefined for another start. */
  readonly position: BusPosition | null | undefined;
  readonly data: DataOf<typeof ReplayRequested>;
}

export const replayOptions = [
  ['--backup <backup>', 'whose position on the bus to go back to: an id, DATASET@latest or DATASET@latest:METHOD'],
  ['--since <instant>', 'instead of --backup: events at or after this instant, 2026-11-21T09:30:00Z'],
  ['--offsets <list>', 'instead of --backup: where to begin, TOPIC/PARTITION=OFFSET,…'],
  ['--dataset <name>', 'with --since and --offsets: whose topics'],
  ['--mode <reset|republish>', 'move the stopped group’s offsets back, or copy the events', 'reset'],
  ['--topics <list>', 'default: all topics of the dataset'],
  ['--groups <list>', 'default: all groups of the topics'],
  ['--destination <topic>', 'republish: a topic that the configuration allows'],
  ['--accept-readers <list>', 'republish: groups that may read the copies too'],
  ['--records-per-second <n>', 'republish: not faster than this'],
] as const;

/** What `replay plan` and `replay run` are asked; refuses what the dataset's topics do not accept. Throws: request.*, backup.missing. */
export async function parseReplay(options: Options, context: VerbContext): Promise<ReplayArguments> {
  const { position, ...start } = await loadStart(parseReplayStart(options), context);
  const fields = given({
    mode: text(options, 'mode'),
    topics: list(options, 'topics'),
    groups: list(options, 'groups'),
    destination: text(options, 'destination'),
    acceptReaders: list(options, 'acceptReaders'),
    recordsPerSecond: wholeNumber(options, 'recordsPerSecond'),
  });
  const parsed = ReplayRequested.data.safeParse({ ...start, ...fields });
  if (!parsed.success) {
    const issues = parsed.error.issues.map(({ path, message }) => `--${toFlag(toPathText(path))}: ${message}`);
    throw new AppError('request.invalid', issues.join('; '), { issues });
  }
  decideReplayTopics(parsed.data, context.installation.topicRules(parsed.data.dataset));
  return { position, data: parsed.data };
}

async function loadStart(start: ReplayStart, context: VerbContext) {
  if (!('backup' in start)) return { ...start, position: undefined };
  const { dataset, backupId, manifest } = await locateBackup(start.backup, context);
  return { dataset, backup: backupId, position: manifest.busPosition };
}

const toFlag = (field: string): string => field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
