import { z } from 'zod';
import { readAllCommitted } from '#common/bus/kafka-groups.js';
import { readLogEnds, readLogStarts } from '#common/bus/kafka-log.js';
import { readStableEnds } from '#common/bus/records/stable-ends.js';
import { digestRange } from '#common/engines/kafka/digest-range.js';
import { type KafkaDataset, type KafkaTarget, type OpenKafka, withKafka } from '#common/engines/kafka/kafka-dataset.js';
import { type RestoredNames, toNames } from '#common/engines/kafka/restore/destination.js';
import { toRestoredCommits } from '#common/engines/kafka/restore/restore-groups.js';
import type { TopicFacts, TopicsFacts } from '#common/engines/kafka/topics-facts.js';
import { defineProbe } from '#common/probes/define-probe.js';
import { conclude, countOf, EvidenceLog, nothingToCompare } from '#common/probes/evidence.js';
import type { ProbeContext } from '#common/probes/probe-context.js';

type Context = ProbeContext<KafkaDataset, KafkaTarget, TopicsFacts>;

/** The restored topics hold the backup's records and nothing else. */
export const topicsProbe = defineProbe({
  name: 'topics',
  summary: 'Every partition has the backup’s records, by count and digest; settings and group offsets are the backup’s',
  timeoutMs: 3_600_000,
  params: z.strictObject({
    records: z
      .enum(['digest', 'count'])
      .default('digest')
      .describe('count: nothing is read but where logs begin and end'),
    groups: z.boolean().default(true).describe('Whether consumer groups have to stand where the backup says'),
  }),
  check: (context: Context, { records, groups }) =>
    withKafka(context.target.connection, 'holdfast-probe', async (kafka) => {
      const { snapshot } = context.manifest;
      if (snapshot.topics.length === 0) return nothingToCompare('the backup holds no topic');
      const names = toNames(context.destination, context.target);
      const problems = new EvidenceLog();
      const present = new Map((await kafka.admin.list()).map((topic) => [topic.name, topic]));
      const bases = new Map<string, bigint>();
      for (const source of snapshot.topics) {
        const name = names.topic(source.name);
        const actual = present.get(name)?.partitions ?? 0;
        const expected = source.partitions.length;
        if (actual !== expected) {
          problems.add({ subject: `partitions of ${name}`, expected, actual, problem: 'other partitions' });
          continue;
        }
        const starts = await readLogStarts(kafka.cluster, name);
        for (const [partition, start] of starts) bases.set(`${source.name}/${partition}`, start);
        await compareConfigs(kafka, source, name, problems);
        await comparePartitions(kafka, { source, name, records, starts, signal: context.signal }, problems);
      }
      if (groups) await compareGroups(kafka, { snapshot, names, bases }, problems);
      const partitions = snapshot.topics.flatMap((topic) => topic.partitions);
      const total = partitions.reduce((sum, each) => sum + each.records, 0);
      return conclude({
        looked: `${countOf(snapshot.topics.length, 'topic')}, ${countOf(partitions.length, 'partition')}, ${countOf(total, 'record')}`,
        problems,
      });
    }),
});

async function compareConfigs(
  kafka: OpenKafka,
  source: TopicFacts,
  name: string,
  problems: EvidenceLog,
): Promise<void> {
  const configs = (await kafka.admin.readConfigs([name])).get(name) ?? [];
  const actual = new Map(configs.filter(({ isOwn }) => isOwn).map((each) => [each.name, each.value]));
  for (const key of new Set([...Object.keys(source.configs), ...actual.keys()])) {
    const [before, after] = [source.configs[key] ?? null, actual.get(key) ?? null];
    if (before !== after)
      problems.add({ subject: `${key} of ${name}`, expected: before, actual: after, problem: 'other setting' });
  }
}

interface Compared {
  readonly source: TopicFacts;
  readonly name: string;
  readonly records: 'digest' | 'count';
  readonly starts: ReadonlyMap<number, bigint>;
  readonly signal: AbortSignal;
}

async function comparePartitions(
  { cluster }: OpenKafka,
  { source, name: topic, records: how, starts, signal }: Compared,
  problems: EvidenceLog,
): Promise<void> {
  const ends = how === 'digest' ? await readStableEnds(cluster, topic) : await readLogEnds(cluster, topic);
  for (const facts of source.partitions) {
    const { partition, records: expected, sha256, links } = facts;
    const fromOffset = starts.get(partition) ?? 0n;
    const toOffset = ends.get(partition) ?? 0n;
    const found =
      how === 'digest'
        ? await digestRange(cluster, { topic, partition, fromOffset, toOffset, links }, signal)
        : undefined;
    const records = found?.records ?? Number(toOffset - fromOffset);
    const subject = `records of ${topic}/${partition}`;
    if (records !== expected) problems.add({ subject, expected, actual: records, problem: 'other number of records' });
    else if (found?.holds(facts) === false)
      problems.add({ subject, expected: sha256, actual: found.sha256, problem: 'as many records, but other ones' });
  }
}

interface ComparedGroups {
  readonly snapshot: TopicsFacts;
  readonly names: RestoredNames;
  readonly bases: ReadonlyMap<string, bigint>;
}

async function compareGroups(
  { cluster }: OpenKafka,
  { snapshot, names, bases }: ComparedGroups,
  problems: EvidenceLog,
): Promise<void> {
  const baseOf = (topic: string, partition: number): bigint => bases.get(`${topic}/${partition}`) ?? 0n;
  for (const { group, commits } of toRestoredCommits(snapshot, names, baseOf)) {
    const found = await readAllCommitted(cluster, group);
    for (const { topic, partition, offset } of commits) {
      const actual = found.find((each) => each.topic === topic && each.partition === partition)?.offset;
      if (actual === offset) continue;
      const subject = `group ${group} in ${topic}/${partition}`;
      const after = actual === undefined ? null : String(actual);
      problems.add({ subject, expected: String(offset), actual: after, problem: 'other offset' });
    }
  }
}
