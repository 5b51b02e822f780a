import { engineContract } from '#common/testing/engine-contract.js';
import type { ServerMake } from '#common/testing/redis-server.js';
import { representative } from '#common/testing/representative.js';
import { startRedisStore } from '#common/testing/stores/redis-store.js';

/** The other make first than end to end, so that both are met by `npm test`. */
const makes = representative<ServerMake>(['redis', 'valkey']);

for (const make of makes) engineContract(`redis, of ${make}`, () => startRedisStore(make));
