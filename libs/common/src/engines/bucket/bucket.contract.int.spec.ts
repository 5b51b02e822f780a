import { startBucketDataset } from '#common/testing/datasets/bucket-dataset.js';
import { engineContract } from '#common/testing/engine-contract.js';

engineContract('bucket', startBucketDataset);
