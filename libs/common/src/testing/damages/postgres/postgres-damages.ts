import { postgres } from '#common/engines/postgres/postgres.engine.js';
import { withDatabase } from '#common/pg/connection.js';
import { type DamageFixture, defineDamages, fillIn } from '#common/testing/damages/damage-bed.js';
import { execute, onServer, RestoredShop } from '#common/testing/restored-shop.js';
import { endpoints } from '#tools/services/endpoints.js';
import { OBJECT_DAMAGES } from './objects.js';
import { PAGE_DAMAGES } from './pages.js';
import { POLICY_DAMAGES } from './policies.js';
import { ROW_DAMAGES } from './rows.js';
import { SHOP_STATEMENTS } from './shop.js';
import { byStatements, type DamagedDatabase } from './statements.js';

/** A shop of several tenants, dumped, restored once, and copied for each damage. */
export const postgresDamages = defineDamages(
  'postgres',
  [...[...POLICY_DAMAGES, ...ROW_DAMAGES, ...OBJECT_DAMAGES].map(byStatements), ...PAGE_DAMAGES],
  async () => {
    const shop = await RestoredShop.create();
    const roles = { app: shop.app, owner: shop.owner, reader: shop.reader };
    try {
      await execute(
        shop.connection,
        SHOP_STATEMENTS.map((statement) => fillIn(statement, roles)),
      );
    } catch (error) {
      await shop.drop();
      throw error;
    }
    return toFixture(shop, roles);
  },
);

function toFixture(shop: RestoredShop, roles: Readonly<Record<string, string>>): DamageFixture<DamagedDatabase> {
  const made: string[] = [];
  const { url, binDir } = endpoints.postgres18;
  const server = url.replace(/[/][^/]*$/, '');
  const remove = (name: string) => onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  const names = (database: string) => ({ ...roles, database });
  return {
    engine: postgres,
    dataset: { url: `${server}/${shop.connection.database}`, toolDirectories: [binDir], tenantTables: toTenants(shop) },
    target: { url, toolDirectories: [binDir], privileges: 'keep' },
    method: 'dump',
    newDestination: () => {
      made.push(`${shop.connection.database}_damaged_${made.length}`);
      return made.at(-1) ?? '';
    },
    open: (destination) => ({ database: withDatabase(shop.connection, destination), names: names(destination) }),
    names,
    copy: (restored, destination) => onServer(`CREATE DATABASE ${destination} TEMPLATE ${restored}`),
    remove,
    close: async () => {
      for (const name of made) await remove(name);
      await shop.drop();
    },
  };
}

const toTenants = ({ app }: RestoredShop) => ({
  column: 'tenant',
  application: {
    ...{ role: app, tenantSetting: 'app.tenant' },
    functions: [{ call: 'public.all_orders()', column: 'tenant' }],
  },
});
