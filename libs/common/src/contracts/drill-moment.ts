import { z } from 'zod';

/** Which moment of a dataset a drill brings back. */
export const DrillMoment = z
  .enum(['backup', 'latest', 'random'])
  .describe(
    'backup: that of the newest backup; of a dataset whose WAL is archived also latest, or random: any instant that can be reached. Default: random where it can be, else backup',
  );
export type DrillMoment = z.infer<typeof DrillMoment>;
