import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeadLetterBox } from '#common/bus/dead-letter.js';
import { describeGroup, readCommitted } from '#common/bus/kafka-groups.js';
import { readLogEnds } from '#common/bus/kafka-log.js';
import { DEAD_LETTER } from '#common/bus/topics/topics.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { AppError } from '#common/errors/app-error.js';
import { BreakableKafka } from '#common/testing/breakable-kafka.js';
import { type KafkaTestBed, noLosses, until } from '#common/testing/kafka-test-bed.js';
import { handled, RequestServerBed, type Served, type ServeOptions } from '#common/testing/request-server-bed.js';

let servers: RequestServerBed;
let bed: KafkaTestBed;
let topic: string;

beforeAll(async () => {
  servers = await RequestServerBed.open();
  bed = servers.kafka;
  topic = await bed.topic(BackupRequested.type);
});
afterEach(() => servers.stopServers());
afterAll(() => servers.close());

/** A server whose own wire can be cut, in a group of its own. */
const serve = (wire: BreakableKafka, options: Partial<ServeOptions> = {}): Promise<Served> =>
  servers.serve({ types: [BackupRequested.type], kafka: wire.kafka, losses: noLosses, ...options });

const publish = (id: string): Promise<void> =>
  servers.publisher.publish([
    { event: BackupRequested.create({ dataset: 'shop' }, { id, source: '/spec', time: new Date() }), key: 'shop' },
  ]);

describe('an outage of the bus', () => {
  it('at the start does not keep the service from starting, and is over when the bus is back', async () => {
    const wire = new BreakableKafka();
    wire.cut();
    const served = await serve(wire);
    await publish('written-meanwhile');
    wire.mend();
    await handled(served, 'written-meanwhile');
  });

  it('in between loses nothing and ends by itself', async () => {
    const wire = new BreakableKafka();
    const served = await serve(wire);
    await publish('before-the-cut');
    await handled(served, 'before-the-cut');
    wire.cut();
    await publish('during-the-cut');
    wire.mend();
    await handled(served, 'during-the-cut');
  });

  it('that hits the dead letters holds the offset until the letter is written', async () => {
    let failures = 0;
    const real = servers.deadLetters();
    const away: DeadLetterBox = {
      put: async (letter) => {
        failures += 1;
        if (failures <= 3) throw new AppError('bus.unavailable', 'the bus is away');
        await real.put(letter);
      },
    };
    const served = await serve(new BreakableKafka(), { deadLetters: away });
    await publish('before-the-poison');
    await handled(served, 'before-the-poison');
    const letters = async (): Promise<bigint> =>
      (await readLogEnds(bed.cluster, bed.prefix + DEAD_LETTER)).get(0) ?? 0n;
    const before = await letters();
    await bed.producer.send({ topic, messages: [{ value: 'poison' }] });
    await publish('behind-the-poison');
    await handled(served, 'behind-the-poison');
    expect([failures, (await letters()) - before]).toEqual([4, 1n]);
  });
});

describe('a catalog that is away for longer than a session', () => {
  it('costs no membership and no message', async () => {
    const end = (await readLogEnds(bed.cluster, topic)).get(0);
    let isAway = false;
    let tries = 0;
    const served = await serve(new BreakableKafka(), {
      handle: async ({ id }) => {
        if (id !== 'patient' || !isAway) return;
        tries += 1;
        throw new AppError('catalog.unavailable', 'the catalog is away');
      },
    });
    await until(
      'it caught up',
      async () => (await readCommitted(bed.cluster, served.groupId, topic)).get(0)?.offset === end,
    );
    isAway = true;
    await publish('patient');
    await until('it was tried', () => tries > 0);
    // Longer than the session: a member that sent no heartbeats would be gone.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(await describeGroup(bed.cluster, served.groupId)).toMatchObject({ state: 'Stable', members: 1 });
    isAway = false;
    await handled(served, 'patient');
    expect(served.ids.filter((id) => id === 'patient')).toHaveLength(1);
  });
});
