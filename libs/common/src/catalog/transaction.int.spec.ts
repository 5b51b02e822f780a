import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aRun, CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { TcpGate } from '#common/testing/tcp-gate.js';
import { type Catalog, openCatalog } from './catalog.js';
import type { CatalogTx } from './catalog-tx.js';
import { openDataSource } from './connection.js';

let bed: CatalogTestBed;
let gate: TcpGate;
/** A catalog behind a gate that the spec can close: the server restarts, as far as its client can see. */
let gated: Catalog;

beforeAll(async () => {
  bed = await CatalogTestBed.open();
  const { hostname, port } = new URL(bed.url);
  gate = await TcpGate.open({ host: hostname, port: Number(port) });
  gated = await bed.another(gate.rewrite(bed.url));
});
afterAll(async () => {
  await bed.close();
  await gate.close();
});

const auditSubjects = async (subject: string) =>
  (await bed.catalog.transaction((tx) => tx.audit.list({ subject }))).length;
const write = (tx: CatalogTx, subject: string) =>
  tx.audit.write({ actor: 'spec', action: 'write', subject, outcome: 'accepted' });

describe('a transaction', () => {
  it('commits everything or nothing', async () => {
    const subject = randomUUID();
    const failing = bed.catalog.transaction(async (tx) => {
      await write(tx, subject);
      throw new RangeError('on purpose');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(await auditSubjects(subject)).toBe(0);
  });

  it('does not commit when a statement failed, even if the closure looked away', async () => {
    const subject = randomUUID();
    const failing = bed.catalog.transaction(async (tx) => {
      await write(tx, subject);
      await tx.audit.write({ actor: 'a', action: 'a', subject: null as never, outcome: 'a' }).catch(() => undefined);
    });
    await expect(failing).rejects.toMatchObject({ code: 'internal.bug', context: { sqlState: '25P02' } });
    expect(await auditSubjects(subject)).toBe(0);
  });

  it('names SQLSTATE and constraint of what the database refused, and no value', async () => {
    const refused = bed.catalog.transaction((tx) =>
      tx.runs.enqueue(aRun({ kind: 'NOT A KIND' as never, requestId: 'hidden' })),
    );
    await expect(refused).rejects.toMatchObject({
      code: 'internal.bug',
      context: { sqlState: '23514', constraint: 'runs_kind_check' },
      message: expect.not.stringContaining('hidden'),
    });
  });

  it('reasons in READ COMMITTED, and its session ends when its process is frozen inside it', async () => {
    await bed.admin.query(`ALTER DATABASE ${bed.database} SET default_transaction_isolation = 'serializable'`);
    const dataSource = await openDataSource({ url: bed.url, applicationName: 'holdfast spec' });
    const [settings] = await dataSource.query(
      `SELECT current_setting('transaction_isolation') AS isolation,
              current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('lock_timeout') AS wait`,
    );
    await dataSource.destroy();
    await bed.admin.query(`ALTER DATABASE ${bed.database} RESET default_transaction_isolation`);
    expect(settings).toEqual({ isolation: 'read committed', idle: '10s', wait: '5s' });
  });

  it('is run again when its session is killed', async () => {
    const subject = randomUUID();
    let tries = 0;
    await bed.catalog.transaction(async (tx) => {
      tries += 1;
      await write(tx, subject);
      if (tries === 1) await bed.admin.query(KILL_OTHERS);
      await tx.now();
    });
    expect(tries).toBe(2);
    expect(await auditSubjects(subject)).toBe(1);
  });

  it('is run again when the server goes away in the middle and comes back', async () => {
    const subject = randomUUID();
    let tries = 0;
    await gated.transaction(async (tx) => {
      tries += 1;
      await write(tx, subject);
      if (tries === 1) {
        gate.shut();
        setTimeout(() => gate.reopen(), 300);
      }
      await tx.now();
    });
    expect(tries).toBe(2);
    expect(await auditSubjects(subject)).toBe(1);
  });

  it.each([
    ['the disk is full', '53100'],
    ['memory runs out', '53200'],
    ['a file cannot be read', '58030'],
    ['an operator cancels the statement', '57014'],
  ])('is an outage and no defect when %s: it is run again', async (_, sqlState) => {
    const subject = randomUUID();
    await bed.admin.query(
      `CREATE OR REPLACE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS
       $$BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '${sqlState}'; END$$`,
    );
    await bed.admin.query(
      `CREATE TRIGGER fail BEFORE INSERT ON holdfast.audit FOR EACH ROW WHEN (new.subject = '${subject}')
       EXECUTE FUNCTION public.fail()`,
    );
    let tries = 0;
    await bed.catalog.transaction(async (tx) => {
      tries += 1;
      if (tries === 2) await bed.admin.query('DROP TRIGGER fail ON holdfast.audit');
      await write(tx, subject);
    });
    expect(tries).toBe(2);
    expect(await auditSubjects(subject)).toBe(1);
  });

  it('waits, over connections of its own, while only a standby answers that cannot be written', async () => {
    const subject = randomUUID();
    await bed.admin.query(`ALTER DATABASE ${bed.database} SET default_transaction_read_only = on`);
    const failingOver = await bed.another();
    let tries = 0;
    await failingOver.transaction(async (tx) => {
      tries += 1;
      if (tries === 2) await bed.admin.query(`ALTER DATABASE ${bed.database} RESET default_transaction_read_only`);
      await write(tx, subject);
    });
    expect(tries).toBeGreaterThan(1);
    expect(await auditSubjects(subject)).toBe(1);
  });

  it('is not run again when the connection is lost after COMMIT reached the server', async () => {
    const subject = randomUUID();
    let tries = 0;
    const answer = await gated.transaction(async (tx) => {
      tries += 1;
      await write(tx, subject);
      gate.cutAfterRequest('COMMIT');
      return tries;
    });
    expect([answer, tries]).toEqual([1, 1]);
    expect(await auditSubjects(subject)).toBe(1);
  });

  it('is run again when the connection is lost before COMMIT reached the server', async () => {
    const subject = randomUUID();
    let tries = 0;
    await gated.transaction(async (tx) => {
      tries += 1;
      await write(tx, subject);
      if (tries === 1) gate.cutBeforeRequest('COMMIT');
    });
    expect(tries).toBe(2);
    expect(await auditSubjects(subject)).toBe(1);
  });

  it('gives up with catalog.unavailable once its caller does', async () => {
    gate.shut();
    const hopeless = gated.transaction((tx) => tx.now(), { until: AbortSignal.timeout(200) });
    await expect(hopeless).rejects.toMatchObject({ code: 'catalog.unavailable', retryable: true });
    gate.reopen();
    expect(await gated.transaction((tx) => tx.now())).toBeInstanceOf(Date);
  });

  it('resolves deadlocks by running one of the two again', async () => {
    const [left, right] = [await bed.enqueue(), await bed.enqueue()];
    const { promise: bothLocked, resolve } = Promise.withResolvers<void>();
    let locked = 0;
    let tries = 0;
    const lockBoth = (first: typeof left, second: typeof left) =>
      bed.catalog.transaction(async (tx) => {
        tries += 1;
        await tx.runs.nextSequence(first.id);
        locked += 1;
        if (locked === 2) resolve();
        await bothLocked;
        await tx.runs.nextSequence(second.id);
      });
    await Promise.all([lockBoth(left, right), lockBoth(right, left)]);
    expect(tries).toBe(3);
    expect(await bed.catalog.transaction((tx) => tx.runs.load(left.id))).toMatchObject({ eventSequence: 2 });
  });

  it('says at once that a password is wrong', async () => {
    const url = Object.assign(new URL(bed.url), { password: 'wrong' }).href;
    await expect(openCatalog({ url, applicationName: 'spec' })).rejects.toMatchObject({
      code: 'catalog.unavailable',
      context: { sqlState: '28P01' },
    });
  });

  it('stores text that jsonb refuses: NUL bytes and halves of characters', async () => {
    const subject = randomUUID();
    const detail = { tail: 'a\0b\ud800c' };
    await bed.catalog.transaction((tx) =>
      tx.audit.write({ actor: 'spec', action: 'write', subject, outcome: 'accepted', detail }),
    );
    const [entry] = await bed.catalog.transaction((tx) => tx.audit.list({ subject }));
    expect(entry?.detail).toEqual({ tail: 'a\ufffdb\ufffdc' });
  });
});

const KILL_OTHERS = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`;
