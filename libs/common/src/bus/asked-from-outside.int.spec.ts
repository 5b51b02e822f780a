import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KafkaTestBed } from '#common/testing/kafka-test-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { parseMessage } from './cloud-event-codec.js';
import { readLogEnds } from './kafka-log.js';
import type { LogRecord } from './records/log-slice.js';
import { readRange } from './records/read-range.js';

const HOW_TO = 'docs/how-to/ask-from-your-own-service.md';

let bed: KafkaTestBed;
beforeAll(async () => {
  bed = await KafkaTestBed.open();
});
afterAll(() => bed.close());

async function commandsOf(page: string): Promise<string[]> {
  const text = await readFile(page, 'utf8');
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, command]) => command ?? '');
}

/** As printed, but for the broker and the spec's own prefix. */
async function run(command: string): Promise<void> {
  const text = command.replaceAll('BROKER', endpoints.kafka.bootstrap).replaceAll(' -t ', ` -t ${bed.prefix}`);
  await promisify(execFile)('sh', ['-ec', text]);
}

async function lastOf(topic: string): Promise<LogRecord> {
  const toOffset = (await readLogEnds(bed.cluster, topic)).get(0) ?? 0n;
  const range = { topic, partition: 0, fromOffset: toOffset - 1n, toOffset };
  for await (const { records } of readRange(bed.cluster, range, { signal: AbortSignal.timeout(9_000) }))
    for (const record of records) return record;
  throw new Error(`${topic} is empty`);
}

describe('the messages of “Ask from your own service”', () => {
  it('are read as events, each of them, when they are published as printed', async () => {
    const commands = await commandsOf(HOW_TO);
    expect(commands.length).toBeGreaterThanOrEqual(4);
    for (const command of commands) {
      const type = / -t (\S+)/.exec(command)?.[1] ?? '';
      const topic = await bed.topic(type);
      await run(command);
      const { value, headers, timestamp } = await lastOf(topic);
      const event = parseMessage({ value, headers, timestamp: String(timestamp) }, type);
      expect(event).toMatchObject({ type, source: 'urn:example:shop' });
    }
  });
});
