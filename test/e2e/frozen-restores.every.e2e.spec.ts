import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PgSession } from '#common/engines/postgres/pg-session.js';
import { parsePgUrl, withDatabase } from '#common/pg/connection.js';
import { newId, Platform } from '#tools/platform/platform.js';
import { dropDatabases, onServer, ServerLogin } from '#tools/platform/server-login.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type Asked, ask, causedBy, runOf } from '../support/request.js';

const source = newId();
const place = `${source}_place`;
const { binDir, url } = endpoints.postgres18;
const { signal } = new AbortController();
let platform: Platform;
let backup: ServerLogin;
let target: ServerLogin;

beforeAll(async () => {
  backup = await ServerLogin.create(`${source}_backup`, 'BYPASSRLS IN ROLE pg_read_all_data');
  target = await ServerLogin.create(`${source}_target`, 'SUPERUSER');
  await onServer('postgres18', 'postgres', `CREATE DATABASE ${source}`);
  await onServer('postgres18', source, 'CREATE TABLE items AS SELECT 1 AS id');
  platform = await Platform.start({
    services: ['scheduler', 'executor'],
    secrets: {
      ...{ SHOP_URL: backup.url(source), SHOP_PASSWORD: backup.password },
      ...{ TARGET_URL: target.url('postgres'), TARGET_PASSWORD: target.password },
    },
    config: {
      executor: { claimTtlMs: 6_000, claimRenewMs: 1_500 },
      datasets: {
        shop: { kind: 'postgres', url: '${env:SHOP_URL}', repositories: ['storage'], toolDirectories: [binDir] },
      },
      targets: {
        staging: {
          ...{ kind: 'postgres', url: '${env:TARGET_URL}', toolDirectories: [binDir], privileges: 'keep' },
          accepts: { datasets: ['shop'], strategies: ['new', 'in-place'], destinations: [`${source}_*`] },
        },
      },
    },
  });
});

afterAll(async () => {
  await platform?.close();
  await dropDatabases('postgres18', `%${source}%`);
  await backup?.drop();
  await target?.drop();
});

const restore = (strategy: string): Promise<Asked> =>
  ask(platform, 'restore.requested', { dataset: 'shop', target: 'staging', destination: place, strategy });
/** The bus gives what a frozen process reads to another one only after its session there has ended. */
const patience = { timeoutMs: 90_000 };
const completed = (asked: Asked) => platform.next('restore.completed', causedBy(asked), patience);
const items = async () =>
  (await onServer<{ id: number }>('postgres18', place, 'SELECT id FROM items ORDER BY id')).map(({ id }) => id);
const sessionsOf = (asked: Asked, more = '') =>
  onServer<{ pid: number }>(
    'postgres18',
    'postgres',
    `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'holdfast ${runOf(asked)} %' ${more}`,
  );

describe('a restore in place whose executor froze, while psql works on', () => {
  it('is called failed without changing anything, and the next one is not refused by what it left', async () => {
    await platform.next('backup.completed', causedBy(await ask(platform, 'backup.requested', { dataset: 'shop' })));
    await completed(await restore('new'));
    await onServer('postgres18', place, 'INSERT INTO items VALUES (2)');
    const user = await PgSession.open(withDatabase(parsePgUrl(url), place), { signal, applicationName: 'a user' });
    await user.query('BEGIN');
    await user.query('SELECT FROM items');
    const asked = await restore('in-place');
    await waitUntil('psql waits for the user', async () => {
      return (await sessionsOf(asked, `AND wait_event_type = 'Lock'`)).length > 0;
    });
    const frozen = platform.app('executor');
    process.kill(frozen.pid, 'SIGSTOP');
    try {
      await platform.startApp('executor');
      const failed = await platform.next('restore.failed', causedBy(asked), patience);
      expect(failed.data.error.code).toBe('run.exhausted');
      expect(await sessionsOf(asked)).toEqual([]);
      await user.close();
      expect(await items()).toEqual([1, 2]);

      await completed(await restore('in-place'));
      expect(await items()).toEqual([1]);
      await onServer('postgres18', place, 'INSERT INTO items VALUES (3)');
    } finally {
      process.kill(frozen.pid, 'SIGCONT');
    }
    await frozen.stop();
    expect(await items()).toEqual([1, 3]);
    const facts = platform.bus.of('restore.failed', causedBy(asked));
    expect(facts).toHaveLength(1);
    expect(platform.bus.of('restore.completed', causedBy(asked))).toEqual([]);
  }, 240_000);
});
