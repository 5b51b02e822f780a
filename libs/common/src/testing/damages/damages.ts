import { bucketDamages } from './bucket.js';
import type { DamageTable } from './damage-bed.js';
import { meilisearchDamages } from './meilisearch.js';
import { postgresDamages } from './postgres/postgres-damages.js';
import { redisDamages } from './redis.js';
import { searchDamages } from './search.js';
import { temporalDamages } from './temporal.js';
import { topicsDamages } from './topics.js';

/** Of every kind of dataset. */
export const DAMAGE_TABLES: readonly DamageTable[] = [
  postgresDamages,
  bucketDamages,
  redisDamages,
  meilisearchDamages,
  searchDamages,
  topicsDamages,
  temporalDamages,
];
