import type { OpenKafka } from '#common/engines/kafka/kafka-dataset.js';
import type { TopicFacts } from '#common/engines/kafka/topics-facts.js';

const FOR_EVER = '-1';
const ANY_TIME = '9223372036854775807';
const SMALLEST_LIMIT = 1_048_588;

/** A batch that is packed anew may get a little larger. */
export function toLimit({ partitions }: TopicFacts): number {
  const largest = Math.max(0, ...partitions.map(({ largestBatchBytes }) => largestBatchBytes));
  return Math.max(SMALLEST_LIMIT, Math.ceil(largest * 1.1) + 1_024);
}

/** While a topic is filled nothing of it expires, is compacted, packed anew or refused for its time. */
function stagingOf(source: TopicFacts): Readonly<Record<string, string>> {
  return {
    'cleanup.policy': 'delete',
    'retention.ms': FOR_EVER,
    'retention.bytes': FOR_EVER,
    'compression.type': 'producer',
    'message.timestamp.type': 'CreateTime',
    'message.timestamp.before.max.ms': ANY_TIME,
    'message.timestamp.after.max.ms': ANY_TIME,
    'message.timestamp.difference.max.ms': ANY_TIME,
    'max.message.bytes': String(toLimit(source)),
  };
}

/** Throws: bus.unavailable. */
export async function prepareTopic({ admin }: OpenKafka, topic: string, source: TopicFacts): Promise<void> {
  const known = await knownConfigs(admin, topic);
  await admin.setConfigs(topic, pick(stagingOf(source), known));
}

/** As a topic is that nobody gave settings. Throws: bus.unavailable. */
export const clearTopic = ({ admin }: OpenKafka, topic: string): Promise<void> => admin.setConfigs(topic, {});

/** What the source had set, as far as this cluster takes it. Returns what it does not. Throws: bus.unavailable. */
export async function finishTopic({ admin }: OpenKafka, topic: string, { configs }: TopicFacts): Promise<string[]> {
  const known = await knownConfigs(admin, topic);
  const wanted = pick(configs, known);
  const refused = await findRefused(admin, topic, wanted);
  const taken = Object.fromEntries(Object.entries(wanted).filter(([name]) => !refused.includes(name)));
  await admin.setConfigs(topic, taken);
  return Object.keys(configs).filter((name) => !Object.hasOwn(taken, name));
}

async function knownConfigs(admin: OpenKafka['admin'], topic: string): Promise<ReadonlySet<string>> {
  const configs = await admin.readConfigs([topic]);
  return new Set((configs.get(topic) ?? []).map(({ name }) => name));
}

const pick = (configs: Readonly<Record<string, string>>, known: ReadonlySet<string>): Record<string, string> =>
  Object.fromEntries(Object.entries(configs).filter(([name]) => known.has(name)));

/** All at once where the cluster takes all; else one by one. */
async function findRefused(
  admin: OpenKafka['admin'],
  topic: string,
  wanted: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  if (await admin.wouldTake(topic, wanted)) return [];
  const refused: string[] = [];
  for (const [name, value] of Object.entries(wanted))
    if (!(await admin.wouldTake(topic, { [name]: value }))) refused.push(name);
  return refused;
}
