import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { loadConfig, type ShopConfig } from './config.js';
import { changeCatalog, placeOrders } from './customer.js';
import { createShop, dropDatabase, dropPictures, dropShop } from './lifecycle.js';
import { describeError, log } from './log.js';
import { startProjector } from './projector.js';
import { startShop } from './shop.js';
import { summarize } from './summary.js';

function print(result: unknown): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

type Service = { ready: unknown; stop(): Promise<void> };
const STOP_MS = 2_500;

/**
 * Runs until SIGTERM or SIGINT, then stops within STOP_MS. Clients that still try to reach a broker do not hold it up: what
 * they have not committed by then is done again by the next start.
 */
async function runService(start: (signal: AbortSignal) => Promise<Service>): Promise<void> {
  const stopping = new AbortController();
  const aborted = new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve()));
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stopping.abort());
  const started = start(stopping.signal).then((service) => {
    if (!stopping.signal.aborted) print(service.ready);
    return service;
  });
  await Promise.race([aborted, started]);
  await aborted;
  const stopped = started.then((service) => service.stop()).then(() => true);
  const isClean = await Promise.race([stopped, sleep(STOP_MS, false)]);
  log(isClean ? 'info' : 'warn', isClean ? 'stopped' : 'stopped without waiting longer for connections to close');
  process.exit();
}

const serve = (config: ShopConfig) =>
  runService(async () => {
    const shop = await startShop(config);
    return { ready: { ready: 'serve', url: shop.url, pid: process.pid }, stop: shop.stop };
  });

const project = (config: ShopConfig) =>
  runService(async (signal) => {
    const projector = await startProjector(config, signal);
    return {
      ready: { ready: 'project', topic: config.topic, group: config.group, pid: process.pid },
      stop: projector.stop,
    };
  });

function toCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('must be a whole number above 0');
  return count;
}

function commands(config: ShopConfig): Command {
  const program = new Command('shop').description(
    'A small multi-tenant shop; configured by environment variables (README.md).',
  );
  program
    .command('create')
    .description('make roles, database, schema, sample data, pictures, topic and search index')
    .action(async () => print({ created: config.database, ...(await createShop(config)) }));
  program
    .command('drop')
    .description('remove all of it; repeatable')
    .option(
      '--database-only',
      'destroy the database and leave roles, pictures, topic, offsets and search index as they are',
    )
    .option('--pictures-only', 'remove every picture and leave the rest')
    .action(async (o: { databaseOnly?: boolean; picturesOnly?: boolean }) => {
      if (o.picturesOnly) return print({ dropped: config.media.bucket, pictures: await dropPictures(config) });
      await (o.databaseOnly ? dropDatabase(config) : dropShop(config));
      print({ dropped: config.database });
    });
  program
    .command('serve')
    .description('answer HTTP and GraphQL')
    .action(() => serve(config));
  program
    .command('project')
    .description("turn the topic's orders into rows")
    .action(() => project(config));
  program
    .command('place-orders')
    .description('order over HTTP, as the customers of every tenant')
    .requiredOption('--count <n>', 'orders in all', toCount)
    .option('--wait', 'return once the shop shows them')
    .action(async (o: { count: number; wait?: boolean }) =>
      print(await placeOrders(config, { count: o.count, waitForProjection: o.wait ?? false })),
    );
  program
    .command('change-catalog')
    .description('change prices and add products over HTTP, as the staff of every tenant')
    .requiredOption('--count <n>', 'of each, per tenant', toCount)
    .action(async (o: { count: number }) => print(await changeCatalog(config, o)));
  program
    .command('summary')
    .description('what the shop holds')
    .action(async () => print(await summarize(config)));
  return program;
}

try {
  await commands(loadConfig(process.env)).parseAsync();
} catch (error) {
  log('error', describeError(error));
  process.exitCode = 1;
}
