import { startPostgresDataset } from '#common/testing/datasets/postgres-dataset.js';
import { engineContract } from '#common/testing/engine-contract.js';

engineContract('postgres, with dumps by several jobs', async () => {
  const fixture = await startPostgresDataset();
  return { ...fixture, dataset: { ...fixture.dataset, dump: { jobs: 2 } } };
});
