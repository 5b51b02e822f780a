import { readFile } from 'node:fs/promises';
import pg from 'pg';
import type { ShopConfig } from './config.js';
import { asAdmin, openAppPool } from './database.js';
import { createTopic, dropTopicAndGroup } from './kafka.js';
import { log } from './log.js';
import { Pictures } from './pictures.js';
import { ProductIndex } from './product-index.js';
import { rebuildIndex } from './rebuild-index.js';
import { dropRoles, ensureRoles } from './roles.js';
import { seed } from './seed.js';

const { escapeIdentifier } = pg;

/** From dist/examples/shop/ back to the source tree: the compiler copies no SQL. */
const SCHEMA = new URL('../../../examples/shop/schema.sql', import.meta.url);

/** Roles, database, schema, sample data, pictures, topic, search index. Refuses a database that exists. */
export async function createShop(config: ShopConfig): Promise<{ indexed: number; pictures: number }> {
  await ensureRoles(config);
  await createDatabase(config);
  await asAdmin(config, (client) => applySchema(client, config), config.database);
  await createTopic(config);
  const pictures = await withPictures(config, async (media) => {
    await media.createBucket();
    return asAdmin(config, (client) => media.putAll(client), config.database);
  });
  const pool = openAppPool(config, 2);
  try {
    const { signal } = new AbortController();
    return { indexed: await rebuildIndex(pool, new ProductIndex(config), { signal }), pictures };
  } finally {
    await pool.end();
  }
}

async function createDatabase(config: ShopConfig): Promise<void> {
  const database = escapeIdentifier(config.database);
  const { owner, app, backup } = config.roles;
  await asAdmin(config, async (client) => {
    // template0: no session can be connected to it, so shops can be created side by side
    await client.query(
      `CREATE DATABASE ${database} OWNER ${escapeIdentifier(owner)} TEMPLATE template0 ENCODING 'UTF8'`,
    );
    await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
    await client.query(
      `GRANT CONNECT ON DATABASE ${database} TO ${escapeIdentifier(app)}, ${escapeIdentifier(backup)}`,
    );
    await client.query(`ALTER DATABASE ${database} SET timezone = 'UTC'`);
    // shorter than the projector's session on the bus, so that a blocked statement does not cost it its partitions
    await client.query(`ALTER ROLE ${escapeIdentifier(app)} IN DATABASE ${database} SET statement_timeout = '8s'`);
  });
}

async function applySchema(client: pg.Client, config: ShopConfig): Promise<void> {
  const roles: Record<string, string> = config.roles;
  const schema = (await readFile(SCHEMA, 'utf8')).replace(/:"(\w+)"/g, (variable, name: string) => {
    const role = roles[name];
    if (role === undefined) throw new Error(`schema.sql: no role for ${variable}`);
    return escapeIdentifier(role);
  });
  await client.query('BEGIN');
  await client.query(schema);
  await seed(client, config);
  await client.query('COMMIT');
  await client.query('ANALYZE');
}

/** Ends every session of the database and drops it: what an operator fears. Topic, offsets and index stay as they are. */
export const dropDatabase = (config: ShopConfig): Promise<void> =>
  asAdmin(config, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(config.database)} WITH (FORCE)`);
  });

/** Removes every picture and leaves the bucket, as a wrong `rm --recursive` does. Returns how many. */
export const dropPictures = (config: ShopConfig): Promise<number> =>
  withPictures(config, (pictures) => pictures.empty());

async function withPictures<T>(config: ShopConfig, work: (pictures: Pictures) => Promise<T>): Promise<T> {
  const pictures = new Pictures(config);
  try {
    return await work(pictures);
  } finally {
    pictures.close();
  }
}

/** Leaves nothing of the shop behind, except roles that another shop still uses. Repeatable. */
export async function dropShop(config: ShopConfig): Promise<void> {
  await dropDatabase(config);
  const kept = await dropRoles(config);
  if (kept.length > 0) log('info', 'roles still in use were kept', { roles: kept });
  await dropTopicAndGroup(config);
  await new ProductIndex(config).drop();
  await withPictures(config, (pictures) => pictures.drop());
}
