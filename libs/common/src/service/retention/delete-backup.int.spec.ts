import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { placeHold } from '#common/repository/holds.js';
import { expiringKey, verdictKey } from '#common/repository/layout.js';
import { aRun } from '#common/testing/catalog-test-bed.js';
import { listKeys, listKeysOf } from '#common/testing/each-storage.js';
import { RetentionTestBed } from '#common/testing/retention-test-bed.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import { startS3Proxy } from '#common/testing/s3-proxy.js';
import { dyingBefore, Killed, ScriptedRepository } from '#common/testing/scripted-repository.js';
import { storeBackup } from '#common/testing/stored-backup.js';
import { endpoints } from '#tools/services/endpoints.js';
import { applyRetention } from './apply-retention.js';
import { deleteBackup, previewDeletion, withdrawDeletionOf } from './delete-backup.js';

const MARK = Buffer.from(JSON.stringify({ formatVersion: 1, graceMs: 0, reasons: [] }));
const keysOf = ({ backupId }: Manifest, storage = bed.disk) => listKeysOf(storage, `shop/${backupId}`);

const { signal } = new AbortController();
const once = { by: 'ops', evenLastGood: false };
const twice = { by: 'ops', evenLastGood: true };
let bed: RetentionTestBed;

beforeAll(async () => {
  bed = await RetentionTestBed.open();
});
beforeEach(() => bed.begin());
afterEach(() => bed.end());
afterAll(() => bed.close());

const named = ({ backupId }: Manifest) => ({ dataset: 'shop', backupId });
const preview = (of: Manifest, request = once, deps = bed.deps()) => previewDeletion(named(of), request, deps, signal);
const remove = (of: Manifest, request = once, deps = bed.deps()) => deleteBackup(named(of), request, deps, signal);
const sweep = async (deps = bed.deps()) =>
  (await applyRetention('shop', deps, signal)).backups.map(({ id, outcome }) => `${id} ${outcome}`);

async function toldOf({ backupId }: Manifest) {
  const { rows } = await bed.bed.admin.query(
    `SELECT event #>> '{data,reasons,0}' AS why FROM holdfast.outbox WHERE event_type = 'backup.expired'`,
  );
  const audited = await bed.bed.catalog.transaction((tx) => tx.audit.list({ subject: backupId }));
  return { events: rows.map(({ why }) => why), audited: audited.map(({ actor, action }) => `${actor} ${action}`) };
}

/** Everything that was done lately failed: rules expire nothing. */
async function letBackupsFail(): Promise<void> {
  const run = { ...aRun({ dataset: 'shop' }) };
  await bed.bed.enqueue(run);
  await bed.bed.admin.query(
    `UPDATE holdfast.runs SET state = 'failed', problem = '{}', settled_at = now() WHERE id = $1`,
    [run.id],
  );
}

/** The newest proof of its objects failed. */
async function flip({ backupId, attemptKey }: Manifest): Promise<void> {
  const [at, runId] = [new Date().toISOString(), randomUUID()];
  const document = {
    ...{ formatVersion: 1, dataset: 'shop', backupId, attemptKey, runId, destination: null, profile: null },
    ...{ verdict: 'failed', startedAt: at, completedAt: at },
    probes: [{ probe: 'checksums', verdict: 'failed', evidence: [] }],
  };
  await bed.disk.put(verdictKey('shop', backupId, at, runId), Buffer.from(JSON.stringify(document)), { signal });
}

describe('a backup that an operator wants gone', () => {
  it('is shown before: what would go, what keeps it, what is left', async () => {
    const [old, young] = [await bed.newBackup(1, 2), await bed.newBackup(2, 1)];
    expect(await preview(old)).toMatchObject({
      ...{ state: 'whole', sizeBytes: expect.any(Number), freesSpace: true, neededBy: [], refusals: [] },
      ...{ isLastGood: false, goodLeft: 1, newestLeft: { id: young.backupId } },
      keptBy: ['within 30d'],
      objects: expect.arrayContaining([{ key: old.objects[0]?.key, sizeBytes: 4 }]),
    });
    expect(await keysOf(old)).toHaveLength(3);
  });

  it('is marked, and deleted by a later sweep, against all rules and while backups fail, with an audit row and its event', async () => {
    const [old, young] = [await bed.newBackup(1, 2), await bed.newBackup(2, 1)];
    await letBackupsFail();
    expect(await remove(old)).toMatchObject({ outcome: 'marked', notBefore: expect.any(String) });
    expect(await sweep()).toEqual([`${old.backupId} waiting`]);
    await bed.letGraceEnd(old);
    expect(await sweep()).toEqual([`${old.backupId} deleted`]);
    expect(await keysOf(old)).toEqual([]);
    expect([await bed.stateOf(old), await bed.isWhole(young)]).toEqual(['expired', true]);
    expect(await toldOf(old)).toEqual({
      events: ['ops asked for its deletion'],
      audited: ['holdfast://spec backup.expired', 'ops backup.delete'],
    });
  });

  it('is not marked when the audit trail did not take the name of the operator', async () => {
    const [old] = [await bed.newBackup(1, 2), await bed.newBackup(2, 1)];
    const before = await listKeys(bed.disk);
    await bed.bed.admin.query(
      `ALTER TABLE holdfast.audit ADD CONSTRAINT spec CHECK (action <> 'backup.delete') NOT VALID`,
    );
    await expect(remove(old)).rejects.toThrow();
    await bed.bed.admin.query('ALTER TABLE holdfast.audit DROP CONSTRAINT spec');
    expect(await listKeys(bed.disk)).toEqual(before);
  });

  it('is not deleted while something holds it, or a run reads it', async () => {
    const [held, read] = [await bed.newBackup(1, 2), await bed.newBackup(2, 1)];
    await bed.newBackup(3, 1);
    const hold = { name: 'audit', reason: 'asked for', by: 'spec', livesMs: null };
    await placeHold(bed.disk, { ...named(held), ...hold }, { signal });
    const request = { dataset: 'shop', backup: read.backupId, target: 'staging' };
    const run = await bed.bed.enqueue({ kind: 'restore', dataset: 'shop', request });
    await expect(remove(held, twice)).rejects.toMatchObject({
      ...{ code: 'backup.needed', message: expect.stringContaining('held by audit (asked for)') },
    });
    await expect(remove(read, twice)).rejects.toMatchObject({
      context: { neededBy: [`held by restore run ${run.id}`] },
    });
    expect((await toldOf(held)).events).toEqual([]);
    expect([await bed.isWhole(held), await sweep()]).toEqual([true, []]);
  });

  it('is not deleted as the last good one, unless it is named twice', async () => {
    const [flipped, last] = [await bed.newBackup(1, 2), await bed.newBackup(2, 1)];
    await flip(flipped);
    expect(await preview(last)).toMatchObject({ isLastGood: true, goodLeft: 0, refusals: ['the last good backup'] });
    await expect(remove(last)).rejects.toMatchObject({
      ...{ code: 'backup.needed', hint: expect.stringContaining(`--even-last-good ${last.backupId}`) },
    });
    expect((await remove(last, twice)).outcome).toBe('marked');
  });

  it('is refused with every reason', async () => {
    const only = await bed.newBackup(1, 2);
    const hold = { name: 'audit', reason: 'asked for', by: 'spec', livesMs: null };
    await placeHold(bed.disk, { ...named(only), ...hold }, { signal });
    await expect(remove(only)).rejects.toMatchObject({
      message: expect.stringMatching(/held by audit \(asked for\), the last good backup$/),
    });
  });

  it('stays when it became the last good one after it was marked', async () => {
    const [marked, other] = [await bed.newBackup(1, 2), await bed.newBackup(2, 1)];
    expect((await remove(marked)).outcome).toBe('marked');
    await bed.letGraceEnd(marked);
    await flip(other);
    expect(await sweep()).toEqual([`${marked.backupId} kept`]);
    expect(await bed.isWhole(marked)).toBe(true);
  });

  it('goes also when it has lost an object, which no rule deletes', async () => {
    const [damaged] = [await bed.newBackup(1, 60), await bed.newBackup(2, 1)];
    await bed.disk.remove(damaged.objects[0]?.key ?? '', { signal });
    expect(await sweep()).toEqual([]);
    expect(await preview(damaged)).toMatchObject({ state: 'damaged', refusals: [] });
    expect((await remove(damaged)).outcome).toBe('marked');
    await bed.letGraceEnd(damaged);
    expect(await sweep()).toEqual([`${damaged.backupId} deleted`]);
    expect([await bed.stateOf(damaged), await keysOf(damaged)]).toEqual(['expired', []]);
  });

  it('is forgotten by the catalog when nothing of it is left', async () => {
    const gone = await bed.newBackup(1, 2);
    for (const key of await keysOf(gone)) await bed.disk.remove(key, { signal });
    expect(await remove(gone)).toMatchObject({ outcome: 'deleted', preview: { state: 'gone' } });
    expect(await bed.stateOf(gone)).toBe('expired');
    await expect(remove(gone)).rejects.toMatchObject({ code: 'backup.missing' });
  });

  it('stays when the wish is withdrawn in time', async () => {
    const [old] = [await bed.newBackup(1, 2), await bed.newBackup(2, 1)];
    const before = await keysOf(old);
    await remove(old);
    await withdrawDeletionOf(named(old), 'ops', bed.deps(), signal);
    expect([await keysOf(old), await sweep()]).toEqual([before, []]);
  });

  it('goes without any catalog, too', async () => {
    const [old] = [await bed.newBackup(1, 2), await bed.newBackup(2, 1)];
    const deps = { ...bed.deps(), catalog: undefined };
    expect((await remove(old, once, deps)).outcome).toBe('marked');
    await bed.letGraceEnd(old);
    expect((await remove(old, once, deps)).outcome).toBe('deleted');
    expect(await keysOf(old)).toEqual([]);
  });

  it('is whole or none wherever its deletion is killed, and sweeps finish it', async () => {
    await bed.newBackup(50, 1);
    for (let minute = 1; ; minute += 1) {
      const old = await bed.newBackup(minute, 2);
      const mortal = bed.deps({ storage: new ScriptedRepository(bed.disk, dyingBefore(2 * minute)) });
      const step = () =>
        remove(old, once, mortal).then(
          () => 'alive',
          (error: unknown) => (error instanceof Killed ? 'killed' : 'error'),
        );
      const first = await step();
      // Killed before the wish was kept, the command left nothing behind; afterwards sweeps go on alone.
      if (first === 'killed') await remove(old);
      await bed.letGraceEnd(old);
      const second = first === 'alive' ? await step() : 'killed';
      expect([first, second]).not.toContain('error');
      if (await bed.isWhole(old)) expect(await bed.stateOf(old)).toMatch(/completed|expired/);
      else expect(await bed.stateOf(old)).toBe('expired');
      await sweep();
      expect([await bed.stateOf(old), await keysOf(old)]).toEqual(['expired', []]);
      if (second === 'alive') break;
    }
  });
});

const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();

describe('in storage that is full', () => {
  const FULL = { status: 507, body: '<Error><Code>XMinioStorageFull</Code><Message>no space</Message></Error>' };
  let s3: S3Bed;
  let old: Manifest;
  let close: (() => Promise<void>)[];

  beforeEach(async () => {
    s3 = await S3Bed.make();
    const storage = s3.open();
    close = [() => storage.close(), () => s3.dispose()];
    old = await storeBackup(storage, 1, { snapshotAt: daysAgo(2) });
    await storeBackup(storage, 2, { snapshotAt: daysAgo(1) });
    await letBackupsFail();
  });
  afterEach(async () => {
    for (const each of close) await each();
  });

  /** The bucket, behind storage that takes no body of more bytes. */
  async function openFull(takesBytes: number): Promise<BackupRepository> {
    const isTooMuch = ({ method, headers }: IncomingMessage): boolean =>
      method === 'PUT' && Number(headers['content-length']) > takesBytes;
    const proxy = await startS3Proxy(endpoints.s3, { answer: (asked) => (isTooMuch(asked) ? FULL : undefined) });
    const storage = s3.open({ endpoint: proxy.endpoint });
    close.unshift(
      () => storage.close(),
      () => proxy.stop(),
    );
    return storage;
  }

  it('goes through where nothing but small markers fit', async () => {
    const storage = await openFull(65_536);
    const deps = bed.deps({ storage });
    const body = Buffer.alloc(100_000);
    await expect(storage.put('shop/next', body, { signal })).rejects.toMatchObject({ code: 'repository.full' });
    expect(await remove(old, once, deps)).toMatchObject({ outcome: 'marked' });
    await storage.put(expiringKey('shop', old.backupId), MARK, { signal });
    expect(await remove(old, once, deps)).toMatchObject({ outcome: 'deleted' });
    expect(await keysOf(old, storage)).toEqual([]);
  });

  it('ends with the way out where not even a marker fits, and the backup stays whole', async () => {
    const storage = await openFull(-1);
    const kept = await keysOf(old, storage);
    const hint = expect.stringContaining('docs/how-to/keep-and-expire-backups.md, “A full repository”');
    for (const asked of [preview, remove])
      await expect(asked(old, once, bed.deps({ storage }))).rejects.toMatchObject({ code: 'repository.full', hint });
    expect(await keysOf(old, storage)).toEqual(kept);
  });
});
