import type { ShopSummary } from '../../examples/shop/summary.js';
import type { Asked } from './bus-client.js';
import type { CloudEvent } from './cloud-event.js';
import { toEventText } from './event-text.js';
import { type Backups, database, media, type Stage, summarize, toSummaryText } from './stage.js';

/** Publishes a request as another service would, and shows what Holdfast says about it on the bus. */
export async function ask({ bus, reporter }: Stage, asked: Asked, until: string): Promise<CloudEvent> {
  reporter.note(`→ ${asked.type.padEnd(22)} ${asked.mode} CloudEvent ${JSON.stringify(asked.data)}`);
  return bus.ask(asked, until, (event) => {
    const text = toEventText(event);
    if (event.type.endsWith('.progressed')) reporter.progress(text);
    else reporter.note(text);
  });
}

/**
 * Backs the database up while customers go on ordering: what is in the backup is one instant all the same. Then the pictures: the shop stores
 * a picture before the row that refers to it, so that a later backup of the bucket has every picture that the database names.
 */
export async function backUp(stage: Stage): Promise<Backups> {
  const { reporter, shop } = stage;
  const ordering = shop.run<{ placed: number }>('place-orders', '--count', '60');
  // Awaited below: a failure before that must not count as unhandled.
  ordering.catch(() => undefined);
  const backUpOne = async (dataset: string): Promise<string> => {
    const asked: Asked = { type: 'backup.requested', mode: 'structured', data: { dataset } };
    return String((await ask(stage, asked, 'backup.completed')).data['backupId']);
  };
  const backups = { database: await backUpOne(database.dataset), media: await backUpOne(media.dataset) };
  const { placed } = await ordering;
  reporter.note(`${placed} orders were placed meanwhile`);
  return backups;
}

/** What no backup holds: new prices and products, which are in the database only, and orders, which are on the bus as well. */
export async function liveOn(stage: Stage): Promise<ShopSummary> {
  const { reporter, shop } = stage;
  const changed = await shop.run<{ repriced: number; added: number }>('change-catalog', '--count', '5');
  reporter.note(`${changed.repriced} prices changed, ${changed.added} products added`);
  const { placed } = await shop.run<{ placed: number }>('place-orders', '--count', '90', '--wait');
  reporter.note(`${placed} orders placed, and projected into the database`);
  const summary = await summarize(stage);
  reporter.note(toSummaryText(summary));
  return summary;
}

/** Stops what reads and writes the shop's data, and destroys database and pictures. */
export async function destroy({ reporter, sandbox, shop }: Stage): Promise<void> {
  await shop.stopProjecting();
  await shop.stopServing();
  await shop.run('drop', '--database-only');
  const { pictures } = await shop.run<{ pictures: number }>('drop', '--pictures-only');
  const { database: name, bucket } = sandbox.shop;
  reporter.note(`database ${name} is gone, and ${pictures} pictures of bucket ${bucket}`);
  reporter.note('its roles, the topic and the search index are as they were');
}

/** Asks for the database back, with proof. Returns what the verification said. */
export function restoreDatabase(stage: Stage, { database: backup }: Backups): Promise<CloudEvent> {
  const data = { ...database, backup, destination: stage.sandbox.shop.database, profile: 'database' };
  // The restore itself asks for the verification, in the transaction that completes it.
  return ask(stage, { type: 'restore.requested', mode: 'binary', data }, 'verification.completed');
}

/** Asks for the pictures back, with the proof that every row of the restored database finds its own. */
export function restoreMedia(stage: Stage, { media: backup }: Backups): Promise<CloudEvent> {
  const data = { ...media, backup, profile: 'media' };
  return ask(stage, { type: 'restore.requested', mode: 'binary', data }, 'verification.completed');
}

/** Proof of the database once more, with the application and its search. */
export function verify(stage: Stage, { database: backup }: Backups): Promise<CloudEvent> {
  const data = { ...database, backup, destination: stage.sandbox.shop.database, profile: 'shop' };
  return ask(stage, { type: 'verification.requested', mode: 'binary', data }, 'verification.completed');
}
