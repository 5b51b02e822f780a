import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { commitForStoppedGroup, readCommitted } from '#common/bus/kafka-groups.js';
import { BusPublisher, type OutgoingEvent } from '#common/bus/producer.js';
import { readTopicIds } from '#common/bus/topics/topic-ids.js';
import type { Event } from '#common/contracts/envelope.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { RunCancelRequested } from '#common/contracts/events/run-cancel-requested.event.js';
import { type KafkaTestBed, until } from '#common/testing/kafka-test-bed.js';
import { handled, RequestServerBed, type Served } from '#common/testing/request-server-bed.js';
import type { ReplacedTopic } from './request-losses.js';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const RUN = '01987654-3210-7fff-bfff-ffffffffffff';

let servers: RequestServerBed;
let bed: KafkaTestBed;

beforeAll(async () => {
  servers = await RequestServerBed.open();
  bed = servers.kafka;
});
afterEach(async () => {
  await servers.stopServers();
  for (const { type } of [BackupRequested, RunCancelRequested]) await remove(type);
});
afterAll(() => servers.close());

const newGroup = (): string => servers.newGroup();

/** A service that hears both kinds of request. */
const serve = (groupId: string, handle?: (event: Event<unknown>) => Promise<void>): Promise<Served> =>
  servers.serve({ groupId, types: [BackupRequested.type, RunCancelRequested.type], ...(handle && { handle }) });

const origin = (id: string) => ({ id, source: '/spec', time: new Date() });

/** By a producer that has heard of no other topic: kafkajs refuses all of them for one that is gone. */
async function publishAll(events: readonly OutgoingEvent[]): Promise<void> {
  const own = new BusPublisher(bed.kafka, bed.prefix);
  await own.publish(events).finally(() => own.close());
}

const publish = (...ids: readonly string[]): Promise<void> =>
  publishAll(ids.map((id) => ({ event: BackupRequested.create({ dataset: 'shop' }, origin(id)), key: 'shop' })));

const publishCancel = (id: string): Promise<void> =>
  publishAll([{ event: RunCancelRequested.create({ runId: RUN }, origin(id)), key: RUN }]);

const topicOf = (type: string): string => bed.prefix + type;

async function remove(type: string): Promise<void> {
  const topic = topicOf(type);
  const isThere = async () => (await bed.admin.listTopics()).includes(topic);
  if (!(await isThere())) return;
  await bed.admin.deleteTopics({ topics: [topic] });
  await until(`${topic} is gone`, async () => !(await isThere()));
}

async function replace(type: string): Promise<void> {
  await remove(type);
  await bed.topic(type);
}

const trimTo = (type: string, offset: string): Promise<void> =>
  bed.admin.deleteTopicRecords({ topic: topicOf(type), partitions: [{ partition: 0, offset }] });

async function committed(groupId: string, wanted: bigint): Promise<void> {
  const topic = topicOf(BackupRequested.type);
  await until(
    `${wanted} is committed`,
    async () => (await readCommitted(bed.cluster, groupId, topic)).get(0)?.offset === wanted,
  );
}

const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, number) => `${prefix}-${number}`);

describe('a request topic that is deleted and made anew', () => {
  it('while a service reads it is read from its start, and reported once', async () => {
    await bed.topic(BackupRequested.type);
    await bed.topic(RunCancelRequested.type);
    const served = await serve(newGroup());
    await publish(...names('old', 5));
    await handled(served, ...names('old', 5));
    await replace(BackupRequested.type);
    await publish(...names('new', 8));
    await handled(served, ...names('new', 8));
    await until('the new topic is reported', () => served.replaced.length > 0);
    const [{ topic, formerId, id }] = served.replaced as [ReplacedTopic];
    expect([topic, served.replaced.length, formerId === id]).toEqual([topicOf(BackupRequested.type), 1, false]);
    expect(served.lost).toEqual([]);
    await publishCancel('after');
    await handled(served, 'after');
  });

  it('while no service runs is read from its start', async () => {
    await bed.topic(BackupRequested.type);
    const groupId = newGroup();
    const first = await serve(groupId);
    await publish(...names('old', 5));
    await handled(first, ...names('old', 5));
    await servers.stopServers();
    await replace(BackupRequested.type);
    await publish(...names('new', 8));
    const second = await serve(groupId);
    await handled(second, ...names('new', 8));
    expect(second.ids).toEqual(names('new', 8));
  });

  it('is read from its start also where the broker keeps what was committed for the one before', async () => {
    const topic = await bed.topic(BackupRequested.type);
    const groupId = newGroup();
    await publish(...names('new', 8));
    const formerId = '01987654-3210-4fff-bfff-ffffffffffff';
    await commitForStoppedGroup(bed.cluster, groupId, [{ topic, partition: 0, offset: 5n, metadata: formerId }]);
    const served = await serve(groupId);
    await handled(served, ...names('new', 8));
    const { [topic]: id = null } = await readTopicIds(bed.cluster, [topic]);
    expect([served.ids, served.replaced]).toEqual([names('new', 8), [{ topic, formerId, id }]]);
    await committed(groupId, 8n);
    expect((await readCommitted(bed.cluster, groupId, topic)).get(0)).toEqual({ offset: 8n, metadata: id });
  });
});

describe('requests that are trimmed before a service reads them', () => {
  const lost = (fromOffset: bigint, toOffset: bigint) => [
    { topic: topicOf(BackupRequested.type), partition: 0, fromOffset, toOffset },
  ];

  it('while it is down are reported with topic, partition and offsets, and the rest is read', async () => {
    await bed.topic(BackupRequested.type);
    const groupId = newGroup();
    const first = await serve(groupId);
    await publish(...names('read', 3));
    await handled(first, ...names('read', 3));
    await committed(groupId, 3n);
    await servers.stopServers();
    await publish(...names('gone', 4), 'left');
    await trimTo(BackupRequested.type, '7');
    const second = await serve(groupId);
    await handled(second, 'left');
    expect([second.lost, second.ids]).toEqual([lost(3n, 7n), ['left']]);
  });

  it('while it waits for the catalog are reported, too, and the one that it has is handled', async () => {
    await bed.topic(BackupRequested.type);
    const { promise: catalogIsBack, resolve: comeBack } = Promise.withResolvers<void>();
    let isWaiting = false;
    const served = await serve(newGroup(), async ({ id }) => {
      if (id !== 'held') return;
      isWaiting = true;
      await catalogIsBack;
    });
    await publish('held');
    await until('the handler waits', () => isWaiting);
    await publish(...names('gone', 3));
    await until('the lag is seen', () => served.state.report().lag[topicOf(BackupRequested.type)] === 4);
    await trimTo(BackupRequested.type, '4');
    await until('the loss is reported', () => served.lost.length > 0);
    comeBack();
    await publish('left');
    await handled(served, 'held', 'left');
    expect([served.lost, served.ids]).toEqual([lost(1n, 4n), ['held', 'left']]);
  });
});

describe('one request topic that cannot be read', () => {
  const rule = (operation: number, permissionType: number) => ({
    ...{ resourceType: AclResourceTypes.TOPIC, resourceName: topicOf(BackupRequested.type) },
    ...{ resourcePatternType: ResourcePatternTypes.LITERAL, principal: 'User:ANONYMOUS', host: '*' },
    ...{ operation, permissionType },
  });
  const unreadable = ({ state }: Served) => state.report().unreadable[topicOf(BackupRequested.type)];

  it('because it is missing stops only itself, says so, and is read when it comes', async () => {
    await bed.topic(RunCancelRequested.type);
    const served = await serve(newGroup());
    await publishCancel('heard');
    await handled(served, 'heard');
    expect(unreadable(served)).toBe('UNKNOWN_TOPIC_OR_PARTITION');
    await bed.topic(BackupRequested.type);
    await publish('now');
    await handled(served, 'now');
    expect(unreadable(served)).toBeUndefined();
  });

  it.each([
    ['to be read', AclOperationTypes.WRITE, AclPermissionTypes.ALLOW],
    ['altogether', AclOperationTypes.ALL, AclPermissionTypes.DENY],
  ])(
    'because it is forbidden %s stops only itself, says so, and is read when it is allowed',
    async (_, operation, how) => {
      await bed.topic(BackupRequested.type);
      await bed.topic(RunCancelRequested.type);
      const served = await serve(newGroup());
      await publish('before');
      await handled(served, 'before');
      const acl = rule(operation, how);
      await bed.admin.createAcls({ acl: [acl] });
      try {
        await until('it is seen', () => unreadable(served) === 'TOPIC_AUTHORIZATION_FAILED');
        await publishCancel('heard');
        await handled(served, 'heard');
      } finally {
        await bed.admin.deleteAcls({ filters: [acl] });
      }
      await publish('after');
      await handled(served, 'after');
      expect(served.lost).toEqual([]);
    },
  );
});
