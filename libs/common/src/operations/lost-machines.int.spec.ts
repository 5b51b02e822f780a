import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { RestoreTestBed } from '#common/testing/restore-test-bed.js';

interface Seen {
  readonly application: string;
  readonly idle: string;
  readonly interval: string;
  readonly count: string;
  readonly unanswered: string;
}

/** What the server has asked its kernel for, not what a client has asked the server for: PostgreSQL reads these from the socket. */
const SEEN = `current_setting('application_name') AS application, current_setting('tcp_keepalives_idle') AS idle,
  current_setting('tcp_keepalives_interval') AS interval, current_setting('tcp_keepalives_count') AS count,
  current_setting('tcp_user_timeout') AS unanswered`;

describe('a server notices within a minute or so that a machine is gone without a word', () => {
  let bed: RestoreTestBed;
  let manifest: PostgresManifest;
  beforeAll(async () => {
    bed = await RestoreTestBed.create('postgres18', 'CREATE TABLE items AS SELECT 1 AS id');
    manifest = await bed.backup();
    // Every session is looked at as it begins: no session can see what another one has set.
    await bed.source.execute(
      `CREATE TABLE logins AS SELECT ${SEEN} LIMIT 0`,
      `CREATE FUNCTION note_login() RETURNS event_trigger LANGUAGE plpgsql AS
         $$ BEGIN INSERT INTO public.logins SELECT ${SEEN}; END $$`,
      'CREATE EVENT TRIGGER note_login ON login EXECUTE FUNCTION note_login()',
    );
  });
  afterAll(() => bed.drop());

  const alive = { idle: '30', interval: '10', count: '3' };
  const loginsOf = async (pattern: RegExp) => {
    const logins = await bed.source.query<Seen>('SELECT * FROM logins');
    return logins.filter(({ application }) => pattern.test(application));
  };

  it('that held the locks of a backup, or restored: whatever the session waits for', async () => {
    expect(await bed.query<Seen>('postgres', `SELECT ${SEEN}`)).toEqual([
      { application: 'spec', ...alive, unanswered: '60000' },
    ]);
  });

  it('on which psql replaced a database', async () => {
    const order = bed.order(manifest, bed.source.name, { strategy: 'in-place' });
    await bed.restore(order);
    const sessions = await loginsOf(new RegExp(`^holdfast ${order.identity.runId} a1$`));
    // Our own sessions set theirs only after the login.
    expect(sessions.filter(({ idle }) => idle === '30')).toMatchObject([{ ...alive, unanswered: '60000' }]);
  });

  it('on which pg_dump ran, whose output may wait for long', async () => {
    const { runId } = await bed.backup();
    const [dump, ...others] = await loginsOf(new RegExp(`^holdfast ${runId} a1 [0-9a-f]{8}$`));
    expect(others).toEqual([]);
    expect(dump).toMatchObject({ ...alive, unanswered: '0' });
  });
});
