import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { firstWithin } from '#common/contracts/fit.js';
import { DatasetName, Instant, RepositoryName, Uuid } from '#common/contracts/names.js';

/** Half of what an event may hold: the rest is names. */
const DAMAGE_BYTES = 512 * 1024;

/** A backup that was good has lost or shortened an object, or its objects failed a proof: it counts for no rule any more. */
export const BackupDamaged = defineEvent({
  type: 'backup.damaged',
  version: 1,
  summary: 'A backup that was good has lost or shortened an object, or its objects failed a proof',
  key: (data) => data.dataset,
  fit: (data) => ({ ...data, damage: firstWithin(data.damage, DAMAGE_BYTES) }),
  data: z.object({
    dataset: DatasetName,
    backupId: Uuid,
    repository: RepositoryName,
    damage: z
      .array(z.object({ object: z.string().describe('As the manifest names it'), problem: z.string() }))
      .min(1)
      .describe('What is wrong with which objects'),
    foundBy: z.enum(['listing', 'check', 'verification']).describe('listing: a sweep missed it in the repository'),
    foundAt: Instant,
  }),
});
