import { z } from 'zod';
import { DatasetName, GroupName, Instant, ReplayMode, TopicName } from '#common/contracts/names.js';
import { defineStep, PlannedBackup } from '../define-step.js';

/** The events since a backup, asked of the bus again. Repeated, it goes on in the range that it began with. */
export const replay = defineStep(
  'replay',
  {
    dataset: DatasetName,
    backup: PlannedBackup.optional().describe('Whose position to go back to: ${steps.NAME.backupId}'),
    since: Instant.optional().describe('Instead of `backup`: events at or after this instant'),
    mode: ReplayMode.default('reset'),
    topics: z.array(TopicName).min(1).optional().describe('Default: all topics of the dataset'),
    groups: z.array(GroupName).min(1).optional().describe('Default: all groups of the topics'),
    republishTo: TopicName.optional().describe('republish: a topic that the configuration allows'),
    acceptReaders: z.array(GroupName).default([]).describe('republish: groups that may read the copies too'),
    recordsPerSecond: z.int().min(1).optional(),
    gaps: z
      .enum(['fail', 'accept'])
      .default('fail')
      .describe('Whether the step completes when some events are gone from the bus; the report counts them either way'),
  },
  { summary: 'Brings the events since a backup back', names: ({ dataset }) => ({ dataset }) },
);
