import { z } from 'zod';
import { DatasetName, Destination, RebuiltPart, TargetName } from '#common/contracts/names.js';
import { defineStep } from '../define-step.js';

/** Makes search indexes anew from the restored database, in place of what is there. */
export const reindex = defineStep(
  'reindex',
  {
    dataset: DatasetName.describe('One with `rebuild`'),
    target: TargetName,
    destination: Destination.optional().describe('Default: the one that the dataset has in the configuration'),
    parts: z.array(RebuiltPart).min(1).optional().describe('Indexes that `rebuild` names; default: all of them'),
  },
  {
    summary: 'Makes search indexes anew from the database, and puts them in their places in one step',
    outputs: () => ['documents'],
    names: ({ dataset, target }) => ({ dataset, target }),
  },
);
