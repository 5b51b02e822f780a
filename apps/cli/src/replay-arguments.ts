import type { DataOf } from '#common/contracts/define-event.js';
import { ReplayRequested } from '#common/contracts/events/replay-requested.event.js';
import type { Manifest } from '#common/contracts/manifest.js';
import { decideReplayTopics } from '#common/domain/request.policy.js';
import { AppError } from '#common/errors/app-error.js';
import { loadManifest } from './backup-ref.js';
import { given, list, requiredText, text, wholeNumber } from './options.js';
import type { Options, VerbContext } from './verb.js';

export interface ReplayArguments {
  readonly manifest: Manifest;
  readonly data: DataOf<typeof ReplayRequested>;
}

export const replayOptions = [
  ['--backup <backup>', 'whose position on the bus to go back to: an id, or DATASET@latest'],
  ['--mode <reset|republish>', 'move the stopped group’s offsets back, or copy the events', 'reset'],
  ['--topics <list>', 'default: all topics of the dataset'],
  ['--groups <list>', 'default: all groups of the topics'],
  ['--destination <topic>', 'republish: a topic that the configuration allows'],
  ['--accept-readers <list>', 'republish: groups that may read the copies too'],
  ['--records-per-second <n>', 'republish: not faster than this'],
] as const;

/** What `replay plan` and `replay run` are asked; refuses what the dataset's topics do not accept. Throws: request.*, backup.missing. */
export async function parseReplay(options: Options, context: VerbContext): Promise<ReplayArguments> {
  const manifest = await loadManifest(requiredText(options, 'backup'), context);
  const { dataset } = manifest;
  const fields = given({
    mode: text(options, 'mode'),
    topics: list(options, 'topics'),
    groups: list(options, 'groups'),
    destination: text(options, 'destination'),
    acceptReaders: list(options, 'acceptReaders'),
    recordsPerSecond: wholeNumber(options, 'recordsPerSecond'),
  });
  const parsed = ReplayRequested.data.safeParse({ dataset, backup: manifest.backupId, ...fields });
  if (!parsed.success) {
    const issues = parsed.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`);
    throw new AppError('request.invalid', issues.join('; '), { issues });
  }
  const { mode, topics, groups, destination } = parsed.data;
  decideReplayTopics({ dataset, mode, topics, groups, destination }, context.installation.topicRules(dataset));
  return { manifest, data: parsed.data };
}
