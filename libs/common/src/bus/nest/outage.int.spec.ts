import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createDeadLetterBox, type DeadLetterBox } from '#common/bus/dead-letter.js';
import { describeGroup, readCommitted } from '#common/bus/kafka-groups.js';
import { readLogEnds } from '#common/bus/kafka-log.js';
import { BusPublisher } from '#common/bus/producer.js';
import { DEAD_LETTER } from '#common/bus/topics.js';
import type { Event } from '#common/contracts/envelope.js';
import { BackupRequested } from '#common/contracts/events/backup-requested.event.js';
import { AppError } from '#common/errors/app-error.js';
import { BreakableKafka } from '#common/testing/breakable-kafka.js';
import { KafkaTestBed, noLosses, silentLogger, until } from '#common/testing/kafka-test-bed.js';
import { HoldfastKafkaServer } from './holdfast-kafka-server.js';

let bed: KafkaTestBed;
let publisher: BusPublisher;
let topic: string;
const servers: HoldfastKafkaServer[] = [];
let groups = 0;

beforeAll(async () => {
  bed = await KafkaTestBed.open();
  publisher = new BusPublisher(bed.kafka, bed.prefix);
  bed.onClose(() => publisher.close());
  topic = await bed.topic(BackupRequested.type);
  await bed.topic(DEAD_LETTER);
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => bed.close());

interface Served {
  readonly groupId: string;
  readonly ids: string[];
}

/** A server whose own wire can be cut, in a group of its own, with the handler given. */
async function serve(
  wire: BreakableKafka,
  handle: (event: Event<unknown>) => Promise<void> = async () => {},
  deadLetters: DeadLetterBox = createDeadLetterBox(publisher, { topicPrefix: bed.prefix }),
): Promise<Served> {
  groups += 1;
  const served: Served = { groupId: `${bed.prefix}outage-${groups}`, ids: [] };
  const { groupId } = served;
  const options = {
    kafka: wire.kafka,
    groupId,
    topicPrefix: bed.prefix,
    deadLetters,
    logger: silentLogger,
    losses: noLosses,
  };
  const server = new HoldfastKafkaServer({ ...options, sessionTimeoutMs: 1_500, backoffMs: 20 });
  const onEvent = async (event: Event<unknown>): Promise<void> => {
    await handle(event);
    served.ids.push(event.id);
  };
  server.addHandler(BackupRequested.type, onEvent, true);
  servers.push(server);
  await server.listen((error) => expect(error).toBeUndefined());
  return served;
}

const publish = (id: string): Promise<void> =>
  publisher.publish([
    { event: BackupRequested.create({ dataset: 'shop' }, { id, source: '/spec', time: new Date() }), key: 'shop' },
  ]);

const handled = ({ ids }: Served, id: string): Promise<void> => until(`${id} is handled`, () => ids.includes(id));

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
    const real = createDeadLetterBox(publisher, { topicPrefix: bed.prefix });
    const away: DeadLetterBox = {
      put: async (letter) => {
        failures += 1;
        if (failures <= 3) throw new AppError('bus.unavailable', 'the bus is away');
        await real.put(letter);
      },
    };
    const served = await serve(new BreakableKafka(), undefined, away);
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
    const served = await serve(new BreakableKafka(), async ({ id }) => {
      if (id !== 'patient' || !isAway) return;
      tries += 1;
      throw new AppError('catalog.unavailable', 'the catalog is away');
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
