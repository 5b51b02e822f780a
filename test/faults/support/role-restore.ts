import { onServer } from '#tools/platform/server-login.js';
import { endpoints } from '#tools/services/endpoints.js';
import type { Asked } from '../../support/request.js';
import type { Cluster } from './cluster.js';
import { backupOf, doWork, restoreNew, type Work } from './works.js';

/** A target that creates the roles that it lacks. */
export const roomy = {
  ...{ kind: 'postgres', url: '${env:TARGET_URL}', toolDirectories: [endpoints.postgres18.binDir] },
  ...{ privileges: 'keep', missingRoles: 'create' },
  accepts: { datasets: ['shop'], strategies: ['new'], destinations: ['*'] },
};

const roleOf = ({ id }: Cluster): string => `${id}_app`;
const onShop = ({ estate }: Cluster, ...statements: string[]) => onServer('postgres18', estate.shop, ...statements);

/** Of a backup that refers to a role which the server has lost since. */
export const restoreWithRole: Work = {
  ...restoreNew,
  name: 'restore (new, with a role)',
  prepare: async (cluster) => {
    const role = roleOf(cluster);
    await onShop(cluster, `CREATE ROLE ${role}`, `GRANT SELECT ON orders TO ${role}`);
    await doWork(cluster, backupOf('shop'));
    await onShop(cluster, `DROP OWNED BY ${role}`, `DROP ROLE ${role}`);
  },
  ask: (cluster) => restoreNew.ask(cluster, { target: 'roomy' }),
  findBroken: async (cluster, asked) => [
    ...((await restoreNew.findBroken?.(cluster, asked)) ?? []),
    ...(await findMissingRight(cluster, asked)),
  ],
  forget: async (cluster, asked) => {
    await restoreNew.forget?.(cluster, asked);
    await onShop(cluster, `DROP ROLE ${roleOf(cluster)}`);
  },
};

async function findMissingRight(cluster: Cluster, { data }: Asked): Promise<string[]> {
  const { destination } = data as { destination: string };
  const role = roleOf(cluster);
  const [right] = await onServer<{ may: boolean }>(
    'postgres18',
    destination,
    `SELECT has_table_privilege('${role}', 'orders', 'SELECT') AND NOT rolcanlogin AS may FROM pg_roles WHERE rolname = '${role}'`,
  );
  return right?.may === true ? [] : [`role ${role} may not read the restored orders: ${JSON.stringify(right)}`];
}
