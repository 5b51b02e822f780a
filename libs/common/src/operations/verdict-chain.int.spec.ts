import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { runCommand } from '#common/process/run-command.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { keepVerdict } from './keep-verdict.js';
import { checkChain, readStoredVerdicts } from './verdict-chain.js';

const { signal } = new AbortController();
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519');
const MISSING_ROW = { subject: 'public.orders', problem: '1 row fewer than in the backup' };

let bed: BackupTestBed;
let manifest: Manifest;
let clock: number;
beforeEach(async () => {
  bed = await BackupTestBed.create();
  const backupId = randomUUID();
  manifest = { dataset: 'shop', backupId, attemptKey: `shop/${backupId}/a1-00` } as Manifest;
  clock = Date.UTC(2026, 10, 21, 10);
});
afterEach(() => bed.remove());

/** A verdict a minute after the one before. */
async function keep(verdict: 'passed' | 'failed', signingKey: KeyObject | null = privateKey) {
  clock += 60_000;
  const at = new Date(clock);
  const outcome = {
    probe: 'row-counts',
    verdict,
    summary: '',
    evidence: verdict === 'failed' ? [MISSING_ROW] : [],
    durationMs: 1,
  };
  const proven = {
    manifest,
    runId: randomUUID(),
    destination: 'staging/shop',
    profile: 'shop',
    outcomes: [outcome],
    startedAt: at,
  };
  const { verdictKey } = await keepVerdict(
    proven,
    { repository: bed.repository, now: () => at, signingKey: signingKey ?? undefined },
    signal,
  );
  return { key: verdictKey ?? '', file: join(bed.folder, 'repository', verdictKey ?? '') };
}

async function check(key: KeyObject | null = publicKey) {
  const chain = checkChain(
    await readStoredVerdicts(bed.repository, manifest, { signal, withSignatures: true }),
    key ?? undefined,
  );
  return { ...chain, said: chain.problems.map(({ subject, problem }) => `${subject} ${problem}`) };
}

describe('the verdicts beside a backup', () => {
  it('each name the one before, and the last alone is an end', async () => {
    const [first, second, third] = [await keep('passed'), await keep('failed'), await keep('passed')];
    const { verdicts, said, ends } = await check();
    expect(said).toEqual([]);
    expect(verdicts.map(({ key, verdict, signature }) => [key, verdict, signature])).toEqual([
      [first.key, 'passed', 'right'],
      [second.key, 'failed', 'right'],
      [third.key, 'passed', 'right'],
    ]);
    expect(ends.map(({ key }) => key)).toEqual([third.key]);
  });

  it('tell which one was changed, also where nothing was signed', async () => {
    const [, failed, last] = [await keep('passed', null), await keep('failed', null), await keep('passed', null)];
    const stored = await readStoredVerdicts(bed.repository, manifest, { signal, withSignatures: true });
    const text = Buffer.from(stored[1]?.bytes ?? []).toString();
    await writeFile(failed.file, text.replaceAll('"failed"', '"passed"'));
    expect((await check(null)).said).toEqual([`${failed.key} was changed after ${last.key} had named it`]);
  });

  it('tell which one is gone from between them', async () => {
    const [, failed, last] = [await keep('passed'), await keep('failed'), await keep('passed')];
    await rm(failed.file);
    const { said, ends } = await check();
    expect(said).toEqual([`${failed.key} is missing: ${last.key} names it`]);
    expect(ends).toHaveLength(2);
  });

  it('tell which one its owner did not sign, or signed otherwise', async () => {
    const [unsigned, foreign, changed] = [
      await keep('passed', null),
      await keep('passed', other.privateKey),
      await keep('failed'),
    ];
    const [, , stored] = await readStoredVerdicts(bed.repository, manifest, { signal, withSignatures: true });
    await writeFile(
      changed.file,
      Buffer.from(stored?.bytes ?? [])
        .toString()
        .replaceAll('"failed"', '"passed"'),
    );
    expect((await check()).said).toEqual([
      `${unsigned.key} is not signed`,
      `${foreign.key} was changed after it was signed, or is signed with another key`,
      `${changed.key} was changed after it was signed, or is signed with another key`,
    ]);
  });

  it('stay one chain where two were written at once', async () => {
    await keep('passed');
    const before = await readStoredVerdicts(bed.repository, manifest, { signal, withSignatures: true });
    const [one] = [await keep('passed')];
    // The other writer had listed before the one wrote.
    const twin = one.file.replace(/Z-[^/]*$/, `Z-${randomUUID()}.json`);
    await writeFile(
      twin,
      Buffer.from(
        (await readStoredVerdicts(bed.repository, manifest, { signal, withSignatures: true })).at(-1)?.bytes ?? [],
      ),
    );
    expect((await check(null)).ends).toHaveLength(2);
    const last = await keep('passed');
    const { said, ends } = await check(null);
    expect([said, ends.map(({ key }) => key), before.length]).toEqual([[], [last.key], 1]);
  });

  it('take over those of an earlier version, after which none may go without a link', async () => {
    const old = await keep('passed');
    const text = Buffer.from(
      (await readStoredVerdicts(bed.repository, manifest, { signal, withSignatures: true }))[0]?.bytes ?? [],
    ).toString();
    const { previous: _, ...unlinked } = JSON.parse(text) as Record<string, unknown>;
    await writeFile(old.file, JSON.stringify(unlinked));
    await keep('passed');
    expect((await check(null)).said).toEqual([]);
    const late = await keep('passed');
    await writeFile(late.file, JSON.stringify(unlinked));
    expect((await check(null)).said).toEqual([`${late.key} names no verdict before it, and older ones do`]);
  });

  it('are checked by openssl alone', async () => {
    const { file } = await keep('passed');
    const pem = join(bed.folder, 'public.pem');
    await writeFile(pem, publicKey.export({ type: 'spki', format: 'pem' }));
    const args = ['pkeyutl', '-verify', '-pubin', '-inkey', pem, '-rawin', '-in', file, '-sigfile', `${file}.sig`];
    const { stdout } = await runCommand({ program: 'openssl', args }, { signal });
    expect(stdout).toContain('Signature Verified Successfully');
  });
});
