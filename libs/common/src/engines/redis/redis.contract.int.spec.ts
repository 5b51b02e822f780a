import { startRedisDataset } from '#common/testing/datasets/redis-dataset.js';
import { engineContract } from '#common/testing/engine-contract.js';
import type { ServerMake } from '#common/testing/redis-server.js';
import { representative } from '#common/testing/representative.js';

/** The other make first than end to end, so that both are met by `npm test`. */
const makes = representative<ServerMake>(['redis', 'valkey']);

for (const make of makes) engineContract(`redis, of ${make}`, () => startRedisDataset(make));
