import { startTemporalDataset } from '#common/testing/datasets/temporal-dataset.js';
import { engineContract } from '#common/testing/engine-contract.js';
import { representative } from '#common/testing/representative.js';

// Its sealed backups are those of its two databases, and pairs.e2e.spec.ts has one.
engineContract('temporal', startTemporalDataset, representative(['plain', 'encrypted']));
