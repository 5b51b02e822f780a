import { relative } from 'node:path';
import { startApps } from '#tools/sandbox/apps.js';
import { forgetTopics } from '#tools/sandbox/kafka.js';
import { prepareHoldfast } from '#tools/sandbox/prepare.js';
import { configPath, urlOf } from '#tools/sandbox/sandbox.js';
import { toHoldfastEnvironment } from '#tools/sandbox/secrets.js';
import { type Stage, summarize, toSummaryText } from './stage.js';

/** Removes what an earlier run left in the services, so that every run tells the same story. */
export async function cleanUp({ sandbox, secrets, shop, signal }: Stage): Promise<void> {
  await prepareHoldfast(sandbox, { secrets, keep: false });
  await shop.run('drop');
  await forgetTopics(sandbox.topicPrefix, signal);
}

/** Roles, database with forced row-level security, products, pictures, orders, topic, search index; the shop and its projector. */
export async function openShop({ reporter, sandbox, shop }: Stage): Promise<void> {
  const { indexed, pictures } = await shop.run<{ indexed: number; pictures: number }>('create');
  const { database, topic, bucket } = sandbox.shop;
  reporter.note(`database ${database}, topic ${topic}, ${indexed} products in the search index`);
  reporter.note(`${pictures} pictures in bucket ${bucket}, one a product`);
  await Promise.all([shop.serve(), shop.project()]);
  reporter.note(`shop at ${urlOf(sandbox, 'shop')}/graphql, projector in group ${sandbox.shop.group}`);
}

/** The three services, on the configuration that was just written. */
export async function openHoldfast({ bus, crew, reporter, sandbox, secrets, signal }: Stage): Promise<void> {
  reporter.note(`configuration ${relative(process.cwd(), configPath(sandbox))}, secrets only in the environment`);
  await startApps({ sandbox, crew, env: toHoldfastEnvironment(sandbox, secrets), signal });
  await bus.connect();
  for (const name of ['scheduler', 'executor', 'verifier'] as const)
    reporter.note(`${name} at ${urlOf(sandbox, name)}`);
}

export async function takeOrders(stage: Stage): Promise<void> {
  const { placed } = await stage.shop.run<{ placed: number }>('place-orders', '--count', '90', '--wait');
  stage.reporter.note(`${placed} orders placed, and projected into the database`);
  stage.reporter.note(toSummaryText(await summarize(stage)));
}
