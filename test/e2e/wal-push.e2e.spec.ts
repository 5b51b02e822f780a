import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { parsePgUrl } from '#common/pg/connection.js';
import { PushingCluster } from '#common/testing/pushing-cluster.js';
import { RowWriter } from '#common/testing/row-writer.js';
import { Platform } from '#tools/platform/platform.js';
import { holdfast } from '../support/cli.js';
import { ask, causedBy } from '../support/request.js';

const { signal } = new AbortController();

let pushing: PushingCluster;
let platform: Platform;
let root: string;

beforeAll(async () => {
  pushing = await PushingCluster.create();
  const { cluster } = pushing;
  root = await cluster.createFolder('recovered');
  const { user, password, port, binDir } = cluster;
  platform = await Platform.start({
    secrets: { SHOP_URL: `postgres://${user}:${password}@127.0.0.1:${port}/postgres`, SHOP_PASSWORD: password },
    config: {
      datasets: {
        shop: {
          ...{ kind: 'postgres', url: '${env:SHOP_URL}', repositories: ['storage'] },
          ...{ toolDirectories: [binDir], wal: { mode: 'push' } },
        },
      },
      targets: {
        recovered: {
          ...{ kind: 'postgres-directory', directory: root, leave: 'running', toolDirectories: [binDir] },
          accepts: { datasets: ['shop'], destinations: ['pitr-*'] },
        },
      },
      executor: { maxAttempts: 3, claimTtlMs: 3_000, claimRenewMs: 500, walSocket: pushing.socket },
    },
  });
}, 180_000);
afterAll(async () => {
  await platform?.close();
  await pushing?.remove();
});

describe('WAL that a server hands over by archive_command', () => {
  it('is all there, whenever the executor that takes it is killed', async () => {
    const { cluster } = pushing;
    await pushing.drain(90_000);
    await platform.next('archive.resumed', undefined, { timeoutMs: 90_000 });
    const asked = await ask(platform, 'backup.requested', { dataset: 'shop', method: 'base' });
    await platform.next('backup.completed', causedBy(asked));
    const writer = new RowWriter();
    writer.begin(cluster);
    for (let round = 0; round < 3; round += 1) {
      await sleep(1_000 + Math.random() * 500);
      await platform.app('executor').kill();
      await sleep(300);
      await platform.startApp('executor');
    }
    await writer.stop();
    await pushing.drain(90_000);
    const shown = await holdfast(['archive', 'show', 'shop', '--json', '--config', platform.configFile], platform.env);
    expect((JSON.parse(shown.stdout) as { windows: unknown[] }).windows).toHaveLength(1);
    const restore = await ask(platform, 'restore.requested', {
      ...{ dataset: 'shop', target: 'recovered', destination: 'pitr-all' },
      recovery: { target: { kind: 'latest' } },
    });
    await platform.next('restore.completed', causedBy(restore));
    const host = encodeURIComponent(join(root, 'pitr-all', 'server'));
    const connection = parsePgUrl(`postgres://${cluster.user}@/postgres?host=${host}&port=5432`);
    const rows = await withPgSession(connection, { signal, applicationName: 'spec' }, (session) =>
      session.query<{ id: number }>('SELECT id FROM numbers ORDER BY id'),
    );
    expect(rows.map(({ id }) => id)).toEqual(writer.committed.map(({ id }) => id));
  }, 300_000);
});
