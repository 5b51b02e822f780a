import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplayTestBed } from '#common/testing/replay-test-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { ExecPlans, shell } from '../../../../../test/support/exec-plans.js';

let plans: ExecPlans;

beforeEach(async () => {
  plans = await ExecPlans.make();
});
afterEach(async () => {
  await plans.remove();
});

/** An application whose answers a spec gives; gone when the work is over. */
async function withServer(answer: RequestListener, work: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(answer);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.close();
  }
}

describe('a request to an application', () => {
  it('whose work fails is asked about, and sent anew only by order', async () => {
    const asked: string[] = [];
    const answer: RequestListener = (request, response) => {
      if (request.method === 'POST') asked.push(request.url ?? '');
      response.end(JSON.stringify({ id: asked.length, state: asked.length === 1 ? 'failed' : 'done' }));
    };
    await withServer(answer, async (url) => {
      const poll = { url: `${url}/work/\${id}`, state: 'state', until: ['done'], failing: ['failed'], everyMs: 10 };
      await plans.write({ name: 'ask', use: 'http', url: `${url}/work`, capture: { id: 'id' }, poll });
      const failed = await plans.json('run', 'p');
      expect(failed).toMatchObject({ exitCode: 1, document: { steps: [{ problem: { code: 'plan.http' } }] } });
      expect(await plans.json('resume', 'last')).toMatchObject({ exitCode: 3 });
      expect(await plans.json('resume', 'last', '--repeat', 'ask')).toMatchObject({ exitCode: 0 });
      expect(asked).toHaveLength(2);
    });
  });

  it('is followed while the application is started anew, and given up where it knows nothing of the work', async () => {
    let looks = 0;
    const answer: RequestListener = (request, response) => {
      if (request.method === 'POST') response.end('{"id":"w1"}');
      else {
        looks += 1;
        response.writeHead(looks > 3 ? 404 : 503).end();
      }
    };
    await withServer(answer, async (url) => {
      const poll = { url: `${url}/\${id}`, state: 'state', until: ['done'], everyMs: 10 };
      await plans.write({ name: 'ask', use: 'http', url, capture: { id: 'id' }, poll });
      const { document } = await plans.json('run', 'p');
      expect(document.steps[0].problem).toMatchObject({
        code: 'plan.http',
        message: expect.stringContaining('answered 404'),
      });
      expect(looks).toBe(4);
    });
  });
});

describe('a wait', () => {
  it('is over when the address answers as it should', async () => {
    let looks = 0;
    const answer: RequestListener = (_, response) => {
      looks += 1;
      response.end(JSON.stringify({ state: looks < 3 ? 'starting' : 'ready' }));
    };
    await withServer(answer, async (url) => {
      const http = { url, json: [{ path: 'state', equals: 'ready' }] };
      await plans.write({ name: 'up', use: 'wait', http, everyMs: 10 });
      expect((await plans.run('run', 'p')).exitCode).toBe(0);
      expect(looks).toBe(3);
    });
  });

  it('says what it last saw when it has taken too long', async () => {
    await plans.write({ name: 'up', use: 'wait', tcp: '127.0.0.1:9', everyMs: 10, timeoutMs: 300 });
    const { exitCode, document } = await plans.json('run', 'p');
    expect([exitCode, document.steps[0].problem]).toMatchObject([
      1,
      { code: 'plan.timeout', message: expect.stringContaining('127.0.0.1:9 takes no connections: ECONNREFUSED') },
    ]);
  });
});

describe('a replay', () => {
  it('moves a stopped group back with the bus alone, once, also when the run is resumed after it', async () => {
    const bed = await ReplayTestBed.open();
    try {
      const { topic, group } = await bed.shop('plan', { read: 3, total: 8 });
      const topics = [{ name: topic, groups: [group] }];
      const url = 'postgres://nobody:unused@127.0.0.1:9/shop';
      const replay = { name: 'replay', use: 'replay', dataset: 'shop', since: '2020-01-01T00:00:00Z' };
      await plans.write(replay, shell('next', 'test -e "$HERE/go"'));
      await plans.change((config) => ({
        ...{ ...config, bus: { brokers: endpoints.kafka.brokers } },
        repositories: { disk: { url: `file://${plans.folder}/backups` } },
        datasets: { shop: { kind: 'postgres', url, repositories: ['disk'], topics } },
      }));
      expect((await plans.run('run', 'p')).exitCode).toBe(1);
      expect(await bed.committed({ topic, group })).toBe(0n);
      await bed.commit(group, topic, 5n);
      await writeFile(join(plans.folder, 'go'), '');
      const { exitCode, document } = await plans.json('resume', 'last');
      expect([exitCode, document.eventsReplayed]).toEqual([0, 8]);
      expect(await bed.committed({ topic, group })).toBe(5n);
    } finally {
      await bed.close();
    }
  });
});
