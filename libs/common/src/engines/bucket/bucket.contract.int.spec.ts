import { engineContract } from '#common/testing/engine-contract.js';
import { startBucketStore } from '#common/testing/stores/bucket-store.js';

engineContract('bucket', startBucketStore);
