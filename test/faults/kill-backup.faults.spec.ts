import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Cluster } from './support/cluster.js';
import { backupOf, type KillCase, meetKill } from './support/kill-case.js';
import { chosenOf } from './support/report.js';

const shop = backupOf('shop');

/** In the order of the steps (docs/design/ordering.md). */
const cases: readonly KillCase[] = [
  {
    ...{ app: 'executor', step: 'before the object is stored', representative: true },
    arm: ({ store }) => store.holdBefore({ method: 'PUT', key: /database[.]dump[.]zst$/ }),
  },
  {
    ...{ app: 'executor', step: 'after the manifest is stored', representative: true, takeover: 'replica' },
    arm: ({ store }) => store.holdAfter({ method: 'PUT', key: /manifest[.]json$/ }),
  },
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'] });
});
afterAll(() => cluster?.close());

describe('a backup whose app is killed', () => {
  it.each(chosenOf(cases))('$app $step', (kill) => meetKill(cluster, shop, kill));
});
