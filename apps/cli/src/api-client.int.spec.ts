import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { ApiClient } from './api-client.js';

async function answerOf(listener: RequestListener): Promise<unknown> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  try {
    return await new ApiClient({ url, token: 'x'.repeat(20) }).run('r1');
  } catch (error) {
    return error;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const away = {
  code: 'catalog.unavailable',
  message: expect.stringContaining('answers, but its catalog is away: no route'),
};

describe('the command line says what is away', () => {
  it('no scheduler at all', async () => {
    const client = new ApiClient({ url: 'http://127.0.0.1:9', token: 'x'.repeat(20) });
    await expect(client.run('r1')).rejects.toMatchObject({
      ...{ code: 'api.unreachable', message: 'no scheduler answers at http://127.0.0.1:9' },
    });
  });

  it('the catalog of a scheduler that says so', async () => {
    const body = { error: { code: 'catalog.unavailable', message: 'no route', hint: 'x', context: {} } };
    expect(await answerOf((_, response) => response.writeHead(503).end(JSON.stringify(body)))).toMatchObject(away);
  });

  it('the catalog of a scheduler that waits for it longer than the command line does', async () => {
    const health = { status: 'not ready', checks: { catalog: 'no route', bus: 'ok' } };
    const answer = answerOf(({ url }, response) => {
      if (url === '/health/ready') response.writeHead(503).end(JSON.stringify(health));
    });
    expect(await answer).toMatchObject(away);
  }, 30_000);

  it('a scheduler that hangs', async () => {
    expect(await answerOf(() => undefined)).toMatchObject({
      code: 'api.unreachable',
      message: expect.stringContaining('does not answer within 10 s'),
    });
  }, 30_000);
});
