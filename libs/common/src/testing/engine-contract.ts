import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import type { Remembered } from '#common/engines/findings.js';
import { AppError } from '#common/errors/app-error.js';
import { discardDrill } from '#common/operations/drill/run-drill.js';
import { rememberHere } from '#common/operations/restore/findings.js';
import type { RestoreDeps, SealedRestoreOrder } from '#common/operations/restore/restore-backup.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { runCommand } from '#common/process/run-command.js';
import { isAgeInstalled } from './age-program.js';
import { type DatasetFixture, EngineHarness } from './engine-harness.js';
import { dyingBefore, Killed, ScriptedRepository } from './scripted-repository.js';

const { signal } = new AbortController();

const next = (order: SealedRestoreOrder): SealedRestoreOrder => ({
  ...order,
  identity: { ...order.identity, attempt: order.identity.attempt + 1 },
});

/** What every engine promises, on a real server of its kind; by default in both kinds of `repositories`. Source: docs/design/ordering.md, docs/explanation/architecture.md. */
export function engineContract(
  name: string,
  start: () => Promise<DatasetFixture>,
  repositories: readonly ('plain' | 'encrypted')[] = ['plain', 'encrypted'],
): void {
  describe.each(repositories)(`the engine ${name}, in a repository that is %s`, (kind) => {
    const isEncrypted = kind === 'encrypted';
    const itHere = isEncrypted && !isAgeInstalled ? it.skip : it;
    let bed: EngineHarness;
    let fixture: DatasetFixture;
    beforeAll(async () => {
      fixture = await start();
      bed = await EngineHarness.start(fixture, isEncrypted);
      for (let times = 0; times < 3; times += 1) await fixture.write();
    }, 120_000);
    afterAll(() => bed?.close());

    itHere('brings back what was there, and proves it equal', async () => {
      const before = await fixture.read();
      const manifest = await bed.backup();
      const destination = fixture.newDestination();
      await bed.restore(bed.order(manifest, destination));
      expect(await fixture.read(destination)).toBe(before);
      const { verdict, outcomes } = await bed.verify(manifest, destination);
      expect({ verdict, wrong: outcomes.filter((each) => each.verdict !== 'passed') }).toEqual({
        verdict: 'passed',
        wrong: [],
      });
      expect(await bed.leftovers()).toEqual([]);
    });

    itHere('tells lists and events how much it is, and seals what names things', async () => {
      const manifest = await bed.backup();
      expect(manifest).toMatchObject({ kind: fixture.engine.kind, method: fixture.method });
      expect(manifest.facts === null).toBe(isEncrypted);
      const opened = await bed.open(manifest);
      const { warnings: _, varying: __, counts, ...summary } = fixture.engine.summarise(opened.snapshot);
      expect(manifest).toMatchObject({ ...summary, counts });
      expect(Object.values(counts).some((count) => count > 0)).toBe(true);
    });

    itHere('changes nothing where one bit of an object is flipped', async () => {
      const manifest = await bed.backup();
      const [destination, beside] = [fixture.newDestination(), fixture.newDestination()];
      await bed.restore(bed.order(manifest, destination));
      await fixture.write(destination);
      const before = await fixture.read(destination);
      for (const { key } of manifest.objects) {
        const file = join(bed.bed.folder, 'repository', key);
        const bytes = await readFile(file);
        const damaged = Buffer.from(bytes);
        const middle = damaged.length >> 1;
        damaged.writeUInt8(damaged.readUInt8(middle) ^ 1, middle);
        await writeFile(file, damaged);
        await expect(bed.restore(bed.order(manifest, destination, fixture.replacing))).rejects.toMatchObject({
          code: 'backup.corrupt',
        });
        await expect(bed.restore(bed.order(manifest, beside))).rejects.toMatchObject({
          code: 'backup.corrupt',
        });
        await writeFile(file, bytes);
      }
      expect(await fixture.read(destination)).toBe(before);
      expect(await bed.leftovers()).toEqual([]);
    });

    // How the objects are sealed makes no difference to what follows.
    if (!isEncrypted) {
      it('finds a restored destination wrong that has changed since', async () => {
        const manifest = await bed.backup();
        const destination = fixture.newDestination();
        await bed.restore(bed.order(manifest, destination));
        await fixture.write(destination);
        expect((await bed.verify(manifest, destination)).verdict).toBe('failed');
      });

      it('backs up one moment of a server that is written to, and proves it', async () => {
        const stop = new AbortController();
        const writing = (async () => {
          while (!stop.signal.aborted) await fixture.write();
        })();
        const manifest = await bed.backup().finally(() => stop.abort());
        await writing;
        const destination = fixture.newDestination();
        await bed.restore(bed.order(manifest, destination));
        expect((await bed.verify(manifest, destination)).verdict).toBe('passed');
      });

      it('plans what the run does, and refuses in the plan what the run refuses', async () => {
        const manifest = await bed.backup();
        const destination = fixture.newDestination();
        const driver = bed.driver(manifest);
        const opened = await bed.open(manifest);
        const plan = (strategy: string) =>
          driver.plan({ manifest: opened, target: bed.target, destination, strategy, safety: false }, signal);
        expect(await plan('new')).toMatchObject({ exists: false, refusals: [], destination });
        await bed.restore(bed.order(manifest, destination));
        const there = await plan('new');
        expect(there).toMatchObject({
          exists: true,
          refusals: [expect.objectContaining({ hint: expect.any(String) })],
        });
        expect(Object.keys(driver.describe(there)).length).toBeGreaterThan(1);
        await expect(bed.restore(bed.order(manifest, destination))).rejects.toMatchObject({
          code: there.refusals[0]?.code,
        });
        expect(await plan(fixture.replacing)).toMatchObject({ exists: true, refusals: [] });
      });

      it('replaces what is there, after a safety backup that brings it back', async () => {
        await fixture.clear();
        const manifest = await bed.backup();
        const destination = fixture.newDestination();
        await bed.restore(bed.order(manifest, destination));
        const whole = await fixture.read(destination);
        await fixture.write(destination);
        const changed = await fixture.read(destination);
        const taken: Manifest[] = [];
        const takeSafetyBackup = async (): Promise<string> => {
          const safety = await bed.safetyBackup(destination);
          taken.push(safety);
          return safety.backupId;
        };
        const outcome = await bed.restore(bed.order(manifest, destination, fixture.replacing), { takeSafetyBackup });
        expect(await fixture.read(destination)).toBe(whole);
        const [safety] = taken;
        if (safety === undefined) throw new Error('no safety backup was taken');
        expect(outcome.safetyBackupId).toBe(safety.backupId);
        const beside = fixture.newDestination();
        await bed.restore(bed.order(safety, beside));
        expect(await fixture.read(beside)).toBe(changed);
      });

      it('lets one restore at a time into a destination', async () => {
        const manifest = await bed.backup();
        const destination = fixture.newDestination();
        const inside = async (): Promise<void> => {
          const other = bed.restore(bed.order(manifest, destination));
          await expect(other).rejects.toMatchObject({ code: 'restore.busy' });
        };
        await bed.restore(bed.order(manifest, destination), { assertHeld: inside });
        expect(await fixture.read(destination)).not.toBeNull();
      });

      it('leaves nothing where a restore is stopped, and the next attempt succeeds', async () => {
        const before = await fixture.read();
        const manifest = await bed.backup();
        const destination = fixture.newDestination();
        const order = bed.order(manifest, destination);
        const stop = new AbortController();
        const reason = new Error('an operator cancels');
        const stopped = bed.restore(order, { onProgress: () => stop.abort(reason) }, stop.signal);
        await expect(stopped).rejects.toBe(reason);
        expect([await fixture.read(destination), await bed.leftovers()]).toEqual([null, []]);
        await bed.restore(next(order));
        expect(await fixture.read(destination)).toBe(before);
      });

      it('recognises what an attempt made whole that could not say so', async () => {
        const manifest = await bed.backup();
        const order = bed.order(manifest, fixture.newDestination());
        let known: Remembered = { findings: {}, doneMark: null, recovered: null };
        const remember: RestoreDeps['remember'] = async (found) => {
          known = { ...known, ...found, findings: { ...known.findings, ...found.findings } };
          return known;
        };
        const first = await bed.restore(order, { remember });
        await fixture.write(order.destination);
        const since = await fixture.read(order.destination);
        expect((await bed.restore(next(order), { remember })).findings).toEqual(first.findings);
        expect(await fixture.read(order.destination)).toBe(since);
      });

      it('restores for a drill into a place of its own, and removes all of it', async () => {
        const manifest = await bed.backup();
        const { runId, attempt } = bed.order(manifest, 'unused').identity;
        const destination = fixture.engine.toDrillDestination?.(runId, attempt) ?? fixture.newDestination();
        const order = { ...bed.order(manifest, destination), identity: { runId, attempt } };
        const remember = rememberHere();
        await bed.restore(order, { remember });
        expect(await fixture.read(destination)).not.toBeNull();
        const { doneMark } = await remember({});
        const place = { ...order, targetKind: fixture.engine, method: fixture.method, doneMark };
        for (let times = 0; times < 2; times += 1) await discardDrill(place, signal);
        expect([await fixture.read(destination), await bed.leftovers()]).toEqual([null, []]);
      });

      it('ends and sweeps what runs that are over have left, and leaves the others', async () => {
        const manifest = await bed.backup();
        const destination = fixture.newDestination();
        const driver = bed.driver(manifest);
        const opened = await bed.open(manifest);
        const order = { ...bed.order(manifest, destination), manifest: opened };
        const fence = await driver.fence(order, { signal });
        const stateOf = (state: 'open' | 'over') => async (runId: string) =>
          runId === order.identity.runId ? state : ('open' as const);
        await driver.sweep(bed.target, stateOf('open'), signal);
        await expect(bed.restore(bed.order(manifest, destination))).rejects.toMatchObject({ code: 'restore.busy' });
        expect((await driver.sweep(bed.target, stateOf('over'), signal)).ended).toContain(order.identity.runId);
        await fence.whenLost;
        await bed.restore(bed.order(manifest, destination));
        await fence.close();
      });

      it('makes a whole backup or none, wherever its process dies', async () => {
        for (let change = 1; ; change += 1) {
          const known = new Set((await bed.stored()).map(({ backupId }) => backupId));
          const dying = new ScriptedRepository(bed.bed.repository, dyingBefore(change));
          const outcome = await bed.backup(dying).catch((error: unknown) => error);
          const made = (await bed.stored()).filter(({ backupId }) => !known.has(backupId));
          if (!(outcome instanceof Killed)) {
            expect(made).toHaveLength(1);
            expect(change).toBeGreaterThan(3);
            return;
          }
          for (const manifest of made) await bed.restore(bed.order(manifest, fixture.newDestination()));
        }
      });

      it('says what is wrong with a dataset that cannot be backed up, and leaves nothing', async () => {
        const before = await bed.bed.files();
        for (const { what, dataset: changes, code } of fixture.unfit) {
          const wrong = bed.datasetOf(changes);
          const attempt = bed.bed.attempt(wrong, { method: fixture.method });
          const error = await takeBackup(attempt, bed.bed.depsOf(fixture.engine), signal).catch(
            (thrown: unknown) => thrown,
          );
          expect({ what, error }).toMatchObject({ what, error: { code } });
          expect(error).toBeInstanceOf(AppError);
          expect((error as AppError).hint).toMatch(/\.$/);
        }
        expect(await bed.bed.files()).toEqual(before);
      });

      it('checks what it is configured with', async () => {
        const { checks } = fixture.engine;
        for (const check of [...checks.dataset(bed.dataset, signal), ...checks.target(bed.target, signal)])
          expect(await check.run()).not.toBe('');
        expect(await checks.measure(bed.dataset, signal)).toBeGreaterThan(0);
      });
    }

    itHere(
      'brings back what was there when the source is gone, also by the commands of the manifest alone',
      async () => {
        const before = await fixture.read();
        const manifest = await bed.backup();
        await fixture.destroy();
        const destination = fixture.newDestination();
        await bed.restore(bed.order(manifest, destination));
        expect(await fixture.read(destination)).toBe(before);
        if (fixture.byHand === undefined) return;
        const folder = await mkdtemp(join(bed.bed.folder, 'by-hand-'));
        if (isEncrypted) await writeFile(join(folder, 'identity.txt'), bed.identity);
        const script = manifest.restoreByHand.join('\n');
        const command = { program: 'bash', args: ['-e', '-c', script], env: fixture.byHand.environment, cwd: folder };
        await runCommand(command, { signal });
        expect(await fixture.byHand.read(folder)).toBe(before);
      },
    );
  });
}
