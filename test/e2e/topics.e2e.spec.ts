import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type SeenRecord, TopicsTestBed } from '#common/testing/topics-test-bed.js';
import { Platform } from '#tools/platform/platform.js';
import { endpoints } from '#tools/services/endpoints.js';
import { holdfast } from '../support/cli.js';
import { ask, causedBy } from '../support/request.js';

let topics: TopicsTestBed;
let platform: Platform;
let orders: string;
let group: string;
let before: SeenRecord[][];

beforeAll(async () => {
  topics = await TopicsTestBed.create();
  orders = await topics.bed.topic('orders', 2, { 'retention.ms': '-1' });
  group = `${topics.bed.prefix}projector`;
  platform = await Platform.start(toPlan(topics.bed.prefix));
  await topics.bed.producer.send({
    topic: orders,
    messages: Array.from({ length: 50 }, (_, index) => ({
      ...{ key: `order ${index}`, value: `{"n":${index}}`, partition: index % 2 },
      ...{ timestamp: String(1_700_000_000_000 + index), headers: { trace: `t${index}` } },
    })),
  });
  await topics.commit(group, orders, [7, 25]);
  before = await topics.records(orders);
}, 120_000);
afterAll(async () => {
  await platform?.close();
  await topics?.close();
});

async function send(from: number, count: number): Promise<void> {
  // A client asks for every topic that it has ever written to, also when it is gone.
  const producer = topics.bed.kafka.producer();
  await producer.connect();
  const messages = Array.from({ length: count }, (_, n) => ({
    key: `order ${from + n}`,
    value: 'more',
    partition: n % 2,
  }));
  await producer.send({ topic: orders, messages });
  await producer.disconnect();
}

const cli = (...args: string[]) => holdfast([...args, '--config', platform.configFile], platform.env);

/** The topics of the services are on the same cluster, and are not meant. */
const toPlan = (prefix: string) => {
  const connection = { kind: 'kafka', brokers: endpoints.kafka.brokers };
  const destinations = ['same', `${prefix}*`];
  return {
    config: {
      datasets: { events: { ...connection, include: [`${prefix}*`], repositories: ['storage'] } },
      targets: { cluster: { ...connection, accepts: { datasets: ['events'], strategies: ['new'], destinations } } },
      profiles: { topics: { probes: [{ use: 'checksums' }, { use: 'topics' }] } },
    },
  };
};

describe('topics', () => {
  it('are checked', async () => {
    const { stdout } = await cli('check', '--dataset', 'events');
    expect(stdout).toContain('1 topics with 2 partitions');
  });

  it('are backed up, deleted, restored through the bus, and proven equal', async () => {
    const asked = await ask(platform, 'backup.requested', { dataset: 'events' });
    const { data } = await platform.next('backup.completed', causedBy(asked));
    expect(data).toMatchObject({ method: 'topics', counts: { topics: 1, partitions: 2, records: 50, groups: 1 } });
    await topics.delete(orders);
    const restore = { dataset: 'events', backup: data.backupId, target: 'cluster', destination: 'same' };
    const restored = await platform.next(
      'restore.completed',
      causedBy(await ask(platform, 'restore.requested', { ...restore, profile: 'topics' })),
    );
    const verified = await platform.next(
      'verification.completed',
      ({ data: said }) => said.runId === restored.data.verificationRunId,
    );
    expect(verified.data.verdict).toBe('passed');
    expect(await topics.records(orders)).toEqual(before);
    expect(await topics.committed(group)).toEqual([
      [orders, 0, 7],
      [orders, 1, 25],
    ]);
  }, 120_000);

  it('are backed up and restored by the command line alone', async () => {
    const taken = await cli('backup', 'run', 'events', '--local');
    expect({ taken }).toMatchObject({ taken: { exitCode: 0 } });
    await topics.delete(orders);
    const place = ['--target', 'cluster', '--destination', 'same', '--profile', 'topics'];
    const { exitCode, stdout, stderr } = await cli('restore', 'run', 'events@latest', ...place, '--local');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(stdout).toContain('passed');
    expect(await topics.records(orders)).toEqual(before);
  }, 120_000);

  it('come back from a chain of increments, taken through the bus and by the command line alone', async () => {
    expect(await cli('backup', 'run', 'events', '--local')).toMatchObject({ exitCode: 0 });
    await send(50, 10);
    const asked = await ask(platform, 'backup.requested', { dataset: 'events', method: 'incremental' });
    const { data } = await platform.next('backup.completed', causedBy(asked));
    expect(data).toMatchObject({ method: 'incremental', counts: { records: 60 } });
    await send(60, 5);
    expect(await cli('backup', 'run', 'events', '--method', 'incremental', '--local')).toMatchObject({ exitCode: 0 });
    const whole = await topics.records(orders);
    await topics.delete(orders);
    const place = { target: 'cluster', destination: 'same', profile: 'topics' };
    const wish = { dataset: 'events', backup: 'latest:incremental', ...place };
    const restored = await platform.next('restore.completed', causedBy(await ask(platform, 'restore.requested', wish)));
    const { verificationRunId: runId } = restored.data;
    const verified = await platform.next('verification.completed', ({ data: said }) => said.runId === runId);
    expect(verified.data.verdict).toBe('passed');
    expect(await topics.records(orders)).toEqual(whole);
    await topics.delete(orders);
    const options = ['--target', 'cluster', '--destination', 'same', '--profile', 'topics', '--local'];
    const local = await cli('restore', 'run', 'events@latest:incremental', ...options);
    expect(local).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('passed') });
    expect(await topics.records(orders)).toEqual(whole);
  }, 180_000);

  it('are refused where the topic has records', async () => {
    const restore = { dataset: 'events', backup: 'latest', target: 'cluster', destination: 'same' };
    const asked = await ask(platform, 'restore.requested', restore);
    const failed = await platform.next('restore.failed', causedBy(asked));
    expect(failed.data.error).toMatchObject({ code: 'kafka.topic-exists' });
  }, 60_000);
});
