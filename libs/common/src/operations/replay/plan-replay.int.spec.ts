import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fixtureProgram } from '#common/testing/fixture-program.js';
import { until } from '#common/testing/kafka-test-bed.js';
import { anything, ReplayTestBed, type Rules } from '#common/testing/replay-test-bed.js';
import { endpoints } from '#tools/services/endpoints.js';

let bed: ReplayTestBed;
beforeAll(async () => {
  bed = await ReplayTestBed.open();
});
afterAll(() => bed.close());

describe('a plan', () => {
  it('previews ranges and the time that they span', async () => {
    const it = await bed.shop('preview', { read: 1, total: 3 });
    const plan = await bed.plan(bed.ask(it), { [it.topic]: anything });
    expect(plan).toMatchObject({ doubt: null, refusals: [], otherReaders: [], estimatedSeconds: 1 });
    expect(plan.partitions[0]).toMatchObject({
      group: it.group,
      fromOffset: '1',
      toOffset: '3',
      recordsAtMost: '2',
      gap: null,
    });
    expect(plan.partitions[0]?.firstRecordAt).toMatch(/^20\d\d-/);
    expect(plan.partitions[0]?.lastRecordAt).toMatch(/^20\d\d-/);
  });

  it('starts at an instant, for the groups that are found', async () => {
    const [topic, group] = [await bed.kafka.topic('instant'), `${bed.kafka.prefix}instant`];
    const times = ['2026-11-01T00:00:00Z', '2026-11-02T00:00:00Z', '2026-11-03T00:00:00Z'];
    await bed.kafka.producer.send({
      topic,
      messages: times.map((at) => ({ value: at, timestamp: String(Date.parse(at)) })),
    });
    await bed.commit(group, topic, 3n);
    const asked = {
      replayId: bed.newId(),
      mode: 'reset' as const,
      topics: [topic],
      start: { since: new Date('2026-11-01T12:00:00Z') },
    };
    const { partitions } = await bed.plan(asked, { [topic]: anything });
    expect(partitions).toMatchObject([
      { group, fromOffset: '1', toOffset: '3', firstRecordAt: '2026-11-02T00:00:00.000Z' },
    ]);
  });

  it.each([
    ['a topic that allows nothing', {}, {}, 'replay.not-allowed'],
    ['a mode that is not allowed', {}, { modes: ['republish' as const] }, 'replay.not-allowed'],
    ['a group that is not allowed', {}, { ...anything, groups: ['other'] }, 'replay.not-allowed'],
    [
      'a destination that is not allowed',
      { mode: 'republish' as const, destination: 'elsewhere' },
      anything,
      'replay.not-allowed',
    ],
    ['two groups at once', { mode: 'republish' as const, groups: ['a', 'b'] }, anything, 'replay.group-required'],
  ])('refuses %s', async (name, more, rule, code) => {
    const it = await bed.shop(name.replaceAll(' ', '-'), { read: 1, total: 2 });
    const destination = 'destination' in more ? await bed.kafka.topic(`${name.replaceAll(' ', '-')}-to`) : undefined;
    const rules = 'modes' in rule ? { [it.topic]: rule } : {};
    const asked = bed.ask(it, { ...more, ...(destination === undefined ? {} : { destination }) });
    const plan = await bed.plan(asked, rules as Rules);
    expect(plan.refusals.map((refusal) => refusal.code)).toContain(code);
    await expect(bed.run(plan)).rejects.toMatchObject({ code });
  });

  it('lists other readers of the destination and refuses until they are accepted', async () => {
    const it = await bed.shop('readers', { read: 1, total: 3 });
    const other = `${bed.kafka.prefix}mailer`;
    await bed.commit(other, it.topic, 3n);
    const rules = { [it.topic]: anything };
    const plan = await bed.plan(bed.ask(it, { mode: 'republish' }), rules);
    expect(plan.otherReaders).toEqual([other]);
    expect(plan.refusals).toMatchObject([{ code: 'replay.readers-not-accepted' }]);
    const slippedIn = { ...plan, refusals: [] };
    await expect(bed.run(slippedIn)).rejects.toMatchObject({ code: 'replay.readers-not-accepted' });
    const accepted = await bed.replay(bed.ask(it, { mode: 'republish', acceptReaders: [other] }), rules);
    expect(accepted.partitions[0]).toMatchObject({ replayed: 2 });
  });

  const makeAnew = async (name: string, topic: string): Promise<void> => {
    await bed.kafka.admin.deleteTopics({ topics: [topic] });
    await until('it is gone', async () => !(await bed.kafka.admin.listTopics()).includes(topic));
    await bed.kafka.topic(name);
    await until('it is back', async () => (await bed.kafka.admin.fetchTopicOffsets(topic)).length === 1);
  };

  it('refuses a topic that was made anew, empty or with other records', async () => {
    const it = await bed.shop('remade', { read: 1, total: 3 });
    await makeAnew('remade', it.topic);
    const refusals = async () => (await bed.plan(bed.ask(it), { [it.topic]: anything })).refusals;
    expect(await refusals()).toMatchObject([{ code: 'replay.topic-changed' }]);
    await bed.produce(it.topic, ['another', 'order-1', 'order-2']);
    expect(await refusals()).toMatchObject([{ code: 'replay.topic-changed' }]);
  });

  it('replays in a topic that was destroyed and came back from a backup of it, with its records where they were', async () => {
    const it = await bed.shop('come-back', { read: 3, total: 8 });
    const records = await bed.readAll(it.topic);
    await makeAnew('come-back', it.topic);
    await bed.put(it.topic, records);
    await bed.commit(it.group, it.topic, 8n);
    const { partitions } = await bed.replay(bed.ask(it), { [it.topic]: anything });
    expect(partitions).toMatchObject([{ fromOffset: '3', toOffset: '8', replayed: 5, gap: null }]);
    expect(await bed.committed(it)).toBe(3n);
  });

  it('says that a position without groups is a guess, and refuses a reset without a group', async () => {
    const topic = await bed.kafka.topic('nobody');
    await bed.produce(topic, ['a']);
    const plan = await bed.plan(bed.ask({ position: await bed.takePosition(topic, []) }), { [topic]: anything });
    expect(plan.doubt).toContain('no consumer group');
    expect(plan.refusals.map(({ code }) => code)).toEqual(['replay.group-required']);
  });

  it('has nothing to start from without a position', async () => {
    const topic = await bed.kafka.topic('unplaced');
    const position = await bed.takePosition(topic, []);
    const asked = bed.ask({ position }, { topics: ['some-other-topic'] });
    await expect(bed.plan(asked, {})).rejects.toMatchObject({ code: 'replay.position-missing' });
  });

  it.each([1, 2, 3])(
    'leaves no connection open when the destination does not exist, try %i',
    async (n) => {
      const it = await bed.shop(`left-open-${n}`, { read: 1, total: 3 });
      for (const name of ['a', 'b', 'c', 'd']) await bed.commit(`${bed.kafka.prefix}${name}-${n}`, it.topic, 3n);
      const destination = `${bed.kafka.prefix}nowhere`;
      const ask = bed.ask(it, { mode: 'republish', destination });
      const rules = [{ name: it.topic, ...anything, destinations: [destination] }];
      const order = JSON.stringify({ brokers: endpoints.kafka.brokers, ask, rules });
      const program = [fixtureProgram('plan-replay.mjs'), order];
      // A process that is killed for not ending by itself rejects.
      const { stdout } = await promisify(execFile)(process.execPath, program, {
        timeout: 15_000,
        killSignal: 'SIGKILL',
      });
      expect(stdout).toBe('bus.topic-missing\n');
    },
    30_000,
  );
});
