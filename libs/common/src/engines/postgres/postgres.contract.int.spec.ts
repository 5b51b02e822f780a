import { startPostgresDataset } from '#common/testing/datasets/postgres-dataset.js';
import { engineContract } from '#common/testing/engine-contract.js';

engineContract('postgres', startPostgresDataset);
