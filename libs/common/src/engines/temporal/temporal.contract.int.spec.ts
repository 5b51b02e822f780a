import { startTemporalDataset } from '#common/testing/datasets/temporal-dataset.js';
import { engineContract } from '#common/testing/engine-contract.js';

engineContract('temporal', startTemporalDataset);
