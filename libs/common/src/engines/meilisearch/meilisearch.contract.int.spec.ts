import { startMeilisearchDataset } from '#common/testing/datasets/meilisearch-dataset.js';
import { engineContract } from '#common/testing/engine-contract.js';

engineContract('meilisearch', startMeilisearchDataset);
