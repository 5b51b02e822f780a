import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventWriter } from '#common/service/event-writer.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { ApiController, SERVICE } from './api.controller.js';
import { problemFilter } from './problem-filter.js';

@Module({})
class ApiModule {}

let bed: CatalogTestBed;
let app: INestApplication;

beforeAll(async () => {
  bed = await CatalogTestBed.open();
  const service = { catalog: bed.catalog, events: new EventWriter({ instance: 'spec', topicPrefix: '' }) };
  const providers = [{ provide: SERVICE, useValue: service }];
  app = await NestFactory.create({ module: ApiModule, controllers: [ApiController], providers }, { logger: false });
  app.useGlobalFilters(problemFilter(silentLogger));
  await app.listen(0, '127.0.0.1');
});
afterEach(() => bed.admin.query('TRUNCATE holdfast.outbox'));
afterAll(async () => {
  await app?.close();
  await bed?.close();
});

async function ask(type: string, body: unknown): Promise<{ status: number; code: string | undefined }> {
  const response = await fetch(`${await app.getUrl()}/api/v1/requests/${type}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const { error } = (await response.json()) as { error?: { code: string } | null };
  return { status: response.status, code: error?.code };
}

const published = async () => (await bed.admin.query('SELECT event_id FROM holdfast.outbox')).rows;
const data = { dataset: 'shop' };

describe('a request by the API', () => {
  it('is taken into the outbox', async () => {
    expect(await ask('backup.requested', { id: 'a b', data })).toEqual({ status: 202, code: undefined });
    expect(await published()).toEqual([{ event_id: 'a b' }]);
  });

  it('is answered by its own fate, and not by that of another source’s request with the same id', async () => {
    const audit = (actor: string, outcome: string) =>
      bed.catalog.transaction((tx) => tx.audit.write({ actor, action: 'backup.requested', subject: 'same', outcome }));
    const stateOf = async () =>
      ((await (await fetch(`${await app.getUrl()}/api/v1/requests/same`)).json()) as { state: string }).state;
    await ask('backup.requested', { id: 'same', data });
    await audit('urn:another', 'rejected');
    expect(await stateOf()).toBe('pending');
    await audit('holdfast://spec', 'accepted');
    await audit('urn:another', 'rejected');
    expect(await stateOf()).toBe('accepted');
  });

  it.each([
    ['an id with a line feed', 'backup.requested', { id: 'a\nb', data }],
    ['an id with half a surrogate pair', 'backup.requested', { id: 'a\ud800', data }],
    ['an id that is too long', 'backup.requested', { id: 'x'.repeat(201), data }],
    ['an id that is no text', 'backup.requested', { id: 1, data }],
    ['data that is not valid', 'backup.requested', { id: 'a', data: { dataset: 'NO' } }],
    ['an unknown field', 'backup.requested', { id: 'a', data: { ...data, colour: 'red' } }],
    ['a type that is no request', 'backup.completed', { id: 'a', data }],
  ])('is answered at once when no service could ever take it: %s', async (_, type, body) => {
    expect(await ask(type, body)).toEqual({ status: 400, code: 'request.invalid' });
    expect(await published()).toEqual([]);
  });
});
