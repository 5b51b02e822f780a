import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { openSync, writeSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { readLines } from '#common/operations/content/line-stream.js';
import type { BackupRepository, StoredObject } from '#common/repository/backup-repository.js';
import { ScriptedRepository } from './scripted-repository.js';

/** Old enough for a sweep. */
const MODIFIED_AT = new Date('2026-01-01T00:00:00.000Z');

/**
 * A real repository whose shared objects are a list in a file instead: their names and sizes are written down, their bytes are not. A million objects then cost seconds
 * and not an hour, and the process that is watched does what it does with any storage.
 */
export function withListedContent(real: BackupRepository, ledger: string): ScriptedRepository {
  const written = openSync(ledger, 'a');
  const isContent = (key: string): boolean => /^[^/]+\/content(\/|$)/.test(key);

  async function* list(): AsyncGenerator<StoredObject> {
    const sort = spawn('sort', ['-u', ledger], {
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const exited = once(sort, 'exit');
    try {
      for await (const line of readLines(sort.stdout)) {
        const [key = '', size] = line.split(' ');
        yield { key, sizeBytes: Number(size), modifiedAt: MODIFIED_AT };
      }
    } finally {
      sort.kill();
      await exited;
    }
  }

  return new ScriptedRepository(real, {
    put: async (put, key, body, o) => {
      if (!isContent(key)) return put(key, body, o);
      const bytes = body instanceof Uint8Array ? body : await buffer(body);
      writeSync(written, `${key} ${bytes.length}\n`);
      return { key, sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    },
    list: (listed, prefix, o) => (isContent(prefix) ? list() : listed(prefix, o)),
    remove: async (remove, key, o) => {
      if (!isContent(key)) return remove(key, o);
      return { sizeBytes: null, isFreed: null };
    },
  });
}
