import { engineContract } from '#common/testing/engine-contract.js';
import { startTemporalStore } from '#common/testing/stores/temporal-store.js';

engineContract('temporal', startTemporalStore);
