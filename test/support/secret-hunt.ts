import { spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { Platform } from '#tools/platform/platform.js';

/** Names of the objects in the platform's bucket, whatever they are. */
export async function listObjects({ storage }: Pick<Platform, 'storage'>): Promise<string[]> {
  const keys: string[] = [];
  for (let ContinuationToken: string | undefined; ; ) {
    const page = await storage.client.send(new ListObjectsV2Command({ Bucket: storage.bucket, ContinuationToken }));
    keys.push(...(page.Contents ?? []).map(({ Key = '' }) => Key));
    ContinuationToken = page.NextContinuationToken;
    if (ContinuationToken === undefined) return keys;
  }
}

export async function readObject({ storage }: Pick<Platform, 'storage'>, key: string): Promise<Buffer> {
  const { Body } = await storage.client.send(new GetObjectCommand({ Bucket: storage.bucket, Key: key }));
  return buffer(Body as Readable);
}

/** What the platform wrote, published or kept, and the secrets that must not be in it. */
export type Suspect = Pick<Platform, 'output' | 'bus' | 'catalog' | 'storage' | 'secrets'>;

/**
 * Where a secret of the configuration shows: logs, every message on every topic, every row of the catalog, and whatever lies
 * in the bucket, unpacked. Empty is what must come out; each finding is `name of the secret in place`.
 */
export async function findSecrets(suspect: Suspect): Promise<string[]> {
  const forms = Object.entries(suspect.secrets).map(([name, secret]) => [name, formsOf(secret)] as const);
  const findings = new Set<string>();
  let places = 0;
  for await (const [place, text] of everything(suspect)) {
    places += 1;
    for (const [name, secret] of forms)
      if (secret.some((form) => text.includes(form))) findings.add(`${name} in ${place}`);
  }
  if (places === 0) throw new Error('nothing was looked at');
  return [...findings].sort();
}

type Place = readonly [name: string, text: string];

/** One after the other: dumps may be many, and large. */
async function* everything(suspect: Suspect): AsyncIterable<Place> {
  for (const line of suspect.output) yield ['log', line];
  for (const message of suspect.bus.messages) yield [`topic ${message.topic}`, toText(message)];
  yield* await readCatalog(suspect);
  for (const key of await listObjects(suspect)) {
    const stored = await readObject(suspect, key);
    const bytes = key.endsWith('.zst') ? unpack(stored) : stored;
    yield [`object ${key}`, bytes.toString('latin1')];
  }
}

/** Every user of the machine can read command lines: the names of the secrets that are in one right now. */
export async function findSecretsInCommandLines({ secrets }: Platform): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  if (!lines.some((line) => line.includes('pg_dump'))) throw new Error('no dump is running: nothing is proven');
  const found = Object.entries(secrets).filter(([, secret]) => lines.some((line) => line.includes(secret)));
  return found.map(([name]) => name);
}

/** A secret in base64 or in an escaped URL is as good as the secret. */
const formsOf = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
];

const toText = ({ key, headers, value }: { key: string; headers: object; value: Buffer }): string =>
  `${key} ${JSON.stringify(headers)} ${value.toString('utf8')}`;

async function readCatalog(platform: Suspect): Promise<Place[]> {
  const tables = await platform.catalog<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'holdfast'`,
  );
  const rows = await Promise.all(
    tables.map(async ({ name }) =>
      (await platform.catalog<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)).map(
        ({ row }) => [`table ${name}`, row] as const,
      ),
    ),
  );
  return rows.flat();
}

function unpack(stored: Buffer): Buffer {
  const { status, stdout } = spawnSync('zstd', ['-dcq'], { input: stored, maxBuffer: 1024 ** 3 });
  if (status !== 0) throw new Error('zstd could not unpack an object');
  return stdout;
}
