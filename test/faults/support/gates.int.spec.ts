import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Partitioners } from 'kafkajs';
import pg from 'pg';
import { createKafka } from '#common/bus/kafka-client.js';
import { KafkaTestBed, silentLogger } from '#common/testing/kafka-test-bed.js';
import { newId } from '#tools/platform/platform.js';
import { onServer, urlOf } from '#tools/platform/server-login.js';
import { endpoints } from '#tools/services/endpoints.js';
import { KafkaGate } from './kafka-gate.js';
import { PgGate } from './pg-gate.js';

const table = newId();
const rows = async (): Promise<number> =>
  (await onServer<{ n: number }>('postgres18', 'postgres', `SELECT count(*)::int AS n FROM ${table}`))[0]?.n ?? -1;

describe('a gate before PostgreSQL', () => {
  let gate: PgGate;
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: urlOf('postgres18', { port: gate.port, database: 'postgres' }) });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };

  beforeAll(async () => {
    gate = await PgGate.open(endpoints.postgres18);
    await onServer('postgres18', 'postgres', `CREATE TABLE ${table} (n int)`);
  });
  afterAll(async () => {
    await gate.close();
    await onServer('postgres18', 'postgres', `DROP TABLE ${table}`);
  });

  it('lets everything pass, and tells what it was', async () => {
    const client = await connect();
    await client.query(`INSERT INTO ${table} VALUES ($1)`, [17]);
    await client.query(`DELETE FROM ${table}`);
    await client.end();
    const texts = gate.statements.map(({ text }) => text);
    expect(texts).toContainEqual(expect.stringMatching(/INSERT INTO .* 17/s));
    expect(await rows()).toBe(0);
  });

  it('drops what it held of a client that died', async () => {
    const client = await connect();
    const { reached, release } = gate.holdBefore({ statement: /^INSERT/ });
    const inserting = client.query(`INSERT INTO ${table} VALUES (1)`).catch(() => 'dead');
    await reached;
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    expect(await inserting).toBe('dead');
    release();
    const other = await connect();
    await other.query('SELECT 1');
    await other.end();
    expect(await rows()).toBe(0);
  });

  it('holds the one COMMIT that is meant, when the server has done it and before the client knows', async () => {
    const client = await connect();
    const { reached, release } = gate.holdAfter({ statement: /^COMMIT/, within: /VALUES \(2\)/ });
    for (const n of [1, 2]) {
      await client.query('BEGIN');
      await client.query(`INSERT INTO ${table} VALUES (${n})`);
      if (n === 1) await client.query('COMMIT');
    }
    let isAnswered = false;
    const committing = client.query('COMMIT').then(() => {
      isAnswered = true;
    });
    await reached;
    expect([await rows(), isAnswered]).toEqual([2, false]);
    release();
    await committing;
    await client.end();
  });
});

describe('a gate before Kafka', () => {
  let bed: KafkaTestBed;
  let gate: KafkaGate;
  beforeAll(async () => {
    bed = await KafkaTestBed.open();
    gate = await KafkaGate.open(endpoints.kafka);
  });
  afterAll(async () => {
    await gate.close();
    await bed.close();
  });

  const endOf = async (topic: string): Promise<string | undefined> =>
    (await bed.admin.fetchTopicOffsets(topic))[0]?.offset;

  it.each([
    ['before', '0'],
    ['after', '1'],
  ] as const)('keeps its clients, and holds a request %s the broker did it', async (when, offset) => {
    const topic = await bed.topic(randomUUID());
    const match = { api: 'Produce', containing: new RegExp(topic) } as const;
    const { reached, release } = when === 'before' ? gate.holdBefore(match) : gate.holdAfter(match);
    const brokers = [`127.0.0.1:${gate.port}`];
    const kafka = createKafka({ brokers, clientId: 'spec', logger: silentLogger });
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    const sending = producer.send({ topic, messages: [{ value: 'held' }] });
    await reached;
    expect(await endOf(topic)).toBe(offset);
    release();
    await sending;
    expect(await endOf(topic)).toBe('1');
    await producer.disconnect();
  });
});
