import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Journal } from './journal.js';
import { Keys } from './keys.js';
import { createStandIn } from './server.js';
import { Store } from './store.js';
import { TaskQueue } from './task-queue.js';

/** `main.js --port PORT --folder FOLDER`, with the master key in MEILI_MASTER_KEY: a stand-in for Meilisearch, until a signal. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: 'string' }, folder: { type: 'string' } } });
  const { port, folder } = values;
  const masterKey = process.env['MEILI_MASTER_KEY'];
  if (port === undefined || folder === undefined || masterKey === undefined)
    throw new Error('--port, --folder and MEILI_MASTER_KEY are needed');
  mkdirSync(folder, { recursive: true });
  const store = await Store.open(new Journal(join(folder, 'stand-in.jsonl')));
  const service = { store, queue: new TaskQueue(store), keys: new Keys(masterKey, store) };
  const server = createStandIn(service);
  server.listen(Number(port), '127.0.0.1', () =>
    console.log(`stand-in for Meilisearch, listening on 127.0.0.1:${port}`),
  );
  // Every line of the journal is written before its answer: nothing is left to save.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
}

await main();
