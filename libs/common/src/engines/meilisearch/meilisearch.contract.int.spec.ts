import { engineContract } from '#common/testing/engine-contract.js';
import { startMeilisearchStore } from '#common/testing/stores/meilisearch-store.js';

engineContract('meilisearch', startMeilisearchStore);
