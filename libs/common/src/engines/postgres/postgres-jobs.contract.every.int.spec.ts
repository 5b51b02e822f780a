import { engineContract } from '#common/testing/engine-contract.js';
import { startPostgresStore } from '#common/testing/stores/postgres-store.js';

engineContract('postgres, with dumps by several jobs', async () => {
  const store = await startPostgresStore();
  return { ...store, dataset: { ...store.dataset, dump: { jobs: 2 } } };
});
