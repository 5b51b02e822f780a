import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnChain } from '#common/process/spawn-chain.js';
import { isAgeInstalled } from '#common/testing/age-program.js';
import { type AgeKeys, generateAgeKeys } from './age.js';
import { Keyring } from './keyring.js';
import { Sealing, toUnsealing, unsealBytes } from './sealing.js';

const withAge = isAgeInstalled ? it : it.skip;
const { signal } = new AbortController();
const compression = { level: 3, threads: 2 };
/** What compresses, and then what does not. */
const raw = Buffer.concat([Buffer.alloc(3 << 20, 'holdfast '), randomBytes(2 << 20)]);

let first: AgeKeys;
let second: AgeKeys;
let folder: string;
const ring = (...keys: AgeKeys[]) => Keyring.parse(keys.map(({ identity }) => identity).join('\n'), 'the spec');

beforeAll(async () => {
  [first, second] = await Promise.all([generateAgeKeys(), generateAgeKeys()]);
  folder = await mkdtemp(join(tmpdir(), 'holdfast-sealing-'));
});
afterAll(() => rm(folder, { recursive: true }));

const through = (commands: Parameters<typeof spawnChain>[0], bytes: Uint8Array): Promise<Buffer> =>
  buffer(spawnChain(commands, { signal, input: Readable.from([bytes]) }).stdout);
const seal = (sealing: Sealing, bytes = raw) => through(sealing.tail(), bytes);
const toBoth = () => new Sealing({ compression, recipients: [first.recipient, second.recipient] });

describe('a sealing', () => {
  it('without recipients compresses only, by the program and in this process alike', async () => {
    const sealing = new Sealing({ compression, recipients: [] });
    expect([sealing.form, sealing.suffix]).toEqual([{ compression: 'zstd', encryption: 'none' }, '.zst']);
    for (const sealed of [await seal(sealing), await sealing.bytes(raw)]) {
      expect((await through(toUnsealing(sealing.form, Keyring.empty), sealed)).equals(raw)).toBe(true);
      expect(Buffer.from(await unsealBytes(sealed, sealing.form, Keyring.empty)).equals(raw)).toBe(true);
    }
  });

  withAge('for recipients is opened by the identity of any of them, by programs and in this process', async () => {
    const sealing = toBoth();
    expect([sealing.form, sealing.suffix]).toEqual([{ compression: 'zstd', encryption: 'age' }, '.zst.age']);
    for (const sealed of [await seal(sealing), Buffer.from(await sealing.bytes(raw))]) {
      expect(sealed.includes('holdfast')).toBe(false);
      for (const keys of [first, second]) {
        const keyring = await ring(keys);
        expect((await through(toUnsealing(sealing.form, keyring), sealed)).equals(raw)).toBe(true);
        expect(Buffer.from(await unsealBytes(sealed, sealing.form, keyring)).equals(raw)).toBe(true);
      }
    }
  });

  withAge('is opened by the standard tools alone', async () => {
    const [sealedFile, identityFile] = [join(folder, 'object.zst.age'), join(folder, 'identity')];
    await writeFile(sealedFile, await seal(toBoth()));
    await writeFile(identityFile, `# by hand\n${second.identity}\n`);
    const script = 'age --decrypt --identity "$1" "$2" | zstd --decompress --stdout';
    const opened = execFileSync('sh', ['-c', script, 'sh', identityFile, sealedFile], { maxBuffer: 1 << 30 });
    expect(opened.equals(raw)).toBe(true);
  });

  withAge('has a head that no other identity opens, and no byte that may be changed', async () => {
    const sealed = await seal(toBoth());
    const stranger = await ring(await generateAgeKeys());
    await expect(through(toUnsealing(toBoth().form, stranger), sealed)).rejects.toMatchObject({ code: 'engine.exit' });
    const keyring = await ring(first);
    for (const at of [10, sealed.length >> 1, sealed.length - 1]) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(through(toUnsealing(toBoth().form, keyring), changed)).rejects.toMatchObject({
        code: 'engine.exit',
      });
    }
    const cut = sealed.subarray(0, sealed.length - 1);
    await expect(through(toUnsealing(toBoth().form, keyring), cut)).rejects.toMatchObject({ code: 'engine.exit' });
  });

  it('puts no identity where other users of the machine could read it', async () => {
    const keyring = await ring(first);
    const args = toUnsealing(toBoth().form, keyring).flatMap((command) => [command.program, ...command.args]);
    expect(args.join(' ')).not.toContain(first.identity.slice(0, 30));
  });
});

describe('a keyring', () => {
  it('is read as age-keygen writes it, several identities in one file', async () => {
    const text = `# created: today\n# public key: ${first.recipient}\n${first.identity}\n\n${second.identity}\n`;
    expect((await Keyring.parse(text, 'x')).recipients).toEqual([first.recipient, second.recipient]);
  });

  it.each(['', '# nothing but a comment', 'AGE-SECRET-KEY-1QQQ', 'hunter2'])(
    'refuses %j and repeats none of it',
    async (text) => {
      const error = await Keyring.parse(text, 'encryption.identity').catch((thrown: Error) => thrown);
      expect(error).toMatchObject({ code: 'config.invalid', message: expect.stringContaining('encryption.identity') });
      if (text !== '' && !text.startsWith('#')) expect(String((error as Error).stack)).not.toContain(text);
    },
  );

  it('says before anything is touched that the identity is missing or another one', async () => {
    const sealedFor = [first.recipient];
    expect(() => Keyring.empty.assertOpens(sealedFor, 'backup 1')).toThrow(
      expect.objectContaining({ code: 'sealing.identity-missing', message: expect.stringContaining(first.recipient) }),
    );
    const other = await ring(second);
    expect(() => other.assertOpens(sealedFor, 'backup 1')).toThrow(
      expect.objectContaining({ code: 'sealing.identity-wrong', message: expect.stringContaining(second.recipient) }),
    );
    const both = await ring(second, first);
    both.assertOpens(sealedFor, 'backup 1');
    Keyring.empty.assertOpens([], 'a plain backup');
  });
});
