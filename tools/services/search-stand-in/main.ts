import { constants, copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Journal } from './journal.js';
import { Keys } from './keys.js';
import { createStandIn } from './server.js';
import { Store } from './store.js';
import { TaskQueue } from './task-queue.js';

/**
 * `main.js --port PORT --folder FOLDER`, with the master key in MEILI_MASTER_KEY: a stand-in for Meilisearch, until a signal. Dumps and snapshots go to
 * `--dump-dir` and `--snapshot-dir`; an empty folder begins with `--import-dump` or `--import-snapshot`.
 */
async function main(): Promise<void> {
  const names = ['port', 'folder', 'dump-dir', 'snapshot-dir', 'import-dump', 'import-snapshot'] as const;
  const { values } = parseArgs({
    options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
  });
  const { port, folder } = values as Partial<Record<string, string>>;
  const { 'dump-dir': dump, 'snapshot-dir': snapshot, ...given } = values as Partial<Record<string, string>>;
  const masterKey = process.env['MEILI_MASTER_KEY'];
  if (port === undefined || folder === undefined || masterKey === undefined)
    throw new Error('--port, --folder and MEILI_MASTER_KEY are needed');
  mkdirSync(folder, { recursive: true });
  const journal = join(folder, 'stand-in.jsonl');
  const imported = given['import-dump'] ?? given['import-snapshot'];
  if (imported !== undefined) copyFileSync(imported, journal, constants.COPYFILE_EXCL);
  const store = await Store.open(new Journal(journal), { dump, snapshot });
  const service = { store, queue: new TaskQueue(store), keys: new Keys(masterKey, store) };
  const server = createStandIn(service);
  server.listen(Number(port), '127.0.0.1', () =>
    console.log(`stand-in for Meilisearch, listening on 127.0.0.1:${port}`),
  );
  // Every line of the journal is written before its answer: nothing is left to save.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
}

await main();
