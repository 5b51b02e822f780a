import { DatasetName, Instant, TopicName } from '#common/contracts/names.js';
import { AppError } from '#common/errors/app-error.js';
import { text } from './options.js';
import type { Options } from './verb.js';

export interface PartitionOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

/** Where the wanted events begin, as named on the command line. */
export type ReplayStart =
  | { readonly backup: string }
  | { readonly dataset: string; readonly since: string }
  | { readonly dataset: string; readonly offsets: readonly PartitionOffset[] };

const MAX_PARTITION = 2 ** 31 - 1;
const MAX_OFFSET = 2n ** 63n - 1n;

/** Exactly one of --backup, --since and --offsets; the last two need --dataset. Throws: request.invalid. */
export function parseReplayStart(options: Options): ReplayStart {
  const [backup, since, offsets] = [text(options, 'backup'), text(options, 'since'), text(options, 'offsets')];
  if ([backup, since, offsets].filter((start) => start !== undefined).length !== 1)
    throw invalid('name exactly one of --backup, --since and --offsets');
  const dataset = text(options, 'dataset');
  if (backup !== undefined) {
    if (dataset !== undefined) throw invalid('--dataset goes with --since and --offsets; a backup names its own');
    return { backup };
  }
  if (dataset === undefined) throw invalid('--dataset is missing: --since and --offsets need it');
  if (!DatasetName.safeParse(dataset).success) throw invalid(`--dataset "${dataset}" is no name of a dataset`);
  if (offsets !== undefined) return { dataset, offsets: parseOffsets(offsets) };
  if (!Instant.safeParse(since).success)
    throw invalid(`--since must be an instant with its UTC offset, as 2026-11-21T09:30:00Z, not "${since ?? ''}"`);
  return { dataset, since: since as string };
}

function parseOffsets(list: string): PartitionOffset[] {
  const offsets = list.split(',').map((item) => parseOffset(item.trim()));
  const names = offsets.map(({ topic, partition }) => `${topic}/${partition}`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(`--offsets names ${twice} twice`);
  return offsets;
}

function parseOffset(item: string): PartitionOffset {
  const [, topic, partition, offset] = /^([^/]+)\/(\d{1,10})=(\d{1,19})$/.exec(item) ?? [];
  const isValid =
    offset !== undefined &&
    TopicName.safeParse(topic).success &&
    Number(partition) <= MAX_PARTITION &&
    BigInt(offset) <= MAX_OFFSET;
  if (!isValid) throw invalid(`--offsets takes TOPIC/PARTITION=OFFSET, as shop.orders/0=120, not "${item}"`);
  return { topic: topic as string, partition: Number(partition), offset: String(BigInt(offset)) };
}

const invalid = (message: string): AppError => new AppError('request.invalid', message);
