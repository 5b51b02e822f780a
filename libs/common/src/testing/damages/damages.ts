import type { DamageTable } from './damage-bed.js';
import { postgresDamages } from './postgres/postgres-damages.js';

/** Of every kind of dataset. */
export const DAMAGE_TABLES: readonly DamageTable[] = [postgresDamages];
