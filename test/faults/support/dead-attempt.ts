import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { toUuidV5 } from '#common/domain/ids.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { dataDir } from '#tools/services/paths.js';
import { type Asked, runOf } from '../../support/request.js';
import type { Cluster } from './cluster.js';
import { freeLeases } from './expiry.js';
import { listStorage, PREFIX } from './stored-backups.js';
import { backupOf, doWork, type Work } from './works.js';

const TWO_DAYS_MS = 2 * 86_400_000;
const NAMES = ['database.dump.zst', 'globals.sql.zst'];

/** Of an id that the catalog does not know; it begins as ids that sort by time do. */
const prefixOf = (asked: Asked): string => `shop/0${toUuidV5('dead', runOf(asked)).slice(1)}/a1-dead`;

/** What an attempt left that died. */
async function leave({ storage }: Cluster, prefix: string): Promise<void> {
  for (const name of NAMES) {
    const Key = `${PREFIX}${prefix}/${name}`;
    await storage.client.send(new PutObjectCommand({ Bucket: storage.bucket, Key, Body: 'rows' }));
  }
}

const keysOf = async (cluster: Cluster, prefix: string): Promise<string[]> =>
  [...(await listStorage(cluster)).keys()].filter((key) => key.includes(prefix));

/** As if two days had passed. The storage keeps its objects as files, and takes their times from these. */
async function age(cluster: Cluster, prefix: string): Promise<void> {
  const at = new Date(Date.now() - TWO_DAYS_MS);
  const folder = join(dataDir('s3'), 'objects', cluster.storage.bucket, PREFIX);
  // One that a sweep removes meanwhile needs no age.
  for (const key of await keysOf(cluster, prefix)) await utimes(join(folder, key), at, at).catch(() => undefined);
}

/** A sweep of what is dead, beside a backup that is not. */
export const sweep: Work = {
  name: 'sweep',
  family: 'backup',
  ask: async (cluster) => {
    const asked = await doWork(cluster, backupOf('shop'));
    await leave(cluster, prefixOf(asked));
    await age(cluster, prefixOf(asked));
    return asked;
  },
  done: async (cluster, asked) => {
    const prefix = prefixOf(asked);
    // What a killed sweep has marked is left to one that comes when the marker is old, too.
    await age(cluster, prefix);
    const isSwept = async (): Promise<boolean> => {
      await freeLeases(cluster);
      return (await keysOf(cluster, prefix)).join() === `_control/backups/${prefix}/swept`;
    };
    await waitUntil('only the marker is left', isSwept, { timeoutMs: 90_000, explain: () => cluster.explain() });
    return { seenAtMs: performance.now() };
  },
};
