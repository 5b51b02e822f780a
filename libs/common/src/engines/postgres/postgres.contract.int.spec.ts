import { engineContract } from '#common/testing/engine-contract.js';
import { startPostgresStore } from '#common/testing/stores/postgres-store.js';

engineContract('postgres', startPostgresStore);
