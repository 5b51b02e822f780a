import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import {
  BackupRef,
  DatasetName,
  GroupName,
  Instant,
  isPlainText,
  Offset,
  ReplayMode,
  RequestedName,
  TopicName,
  Uuid,
} from '#common/contracts/names.js';

const RequestedGroup = GroupName.refine(isPlainText, 'a group name holds no control characters');

/** The events since a backup were asked for again. Exactly one of backup, restoreRunId, offsets and since says where to start. */
export const ReplayRequested = defineEvent({
  type: 'replay.requested',
  version: 1,
  summary: 'The events since a backup were asked for again',
  key: (data) => data.dataset,
  asked: { dataset: RequestedName },
  data: z.object({
    dataset: DatasetName,
    mode: ReplayMode.default('reset'),
    backup: BackupRef.optional(),
    restoreRunId: Uuid.optional(),
    offsets: z
      .array(z.object({ topic: TopicName, partition: z.int().min(0), offset: Offset }))
      .min(1)
      .optional(),
    since: Instant.optional(),
    topics: z.array(TopicName).min(1).optional().describe('Default: all topics of the dataset'),
    groups: z.array(RequestedGroup).min(1).optional().describe('Default: all groups of the topics'),
    destination: TopicName.optional().describe('republish: a topic that the configuration allows; default the origin'),
    acceptReaders: z.array(RequestedGroup).default([]).describe('republish: groups known to read the destination too'),
    recordsPerSecond: z.int().min(1).optional(),
    expiresAt: Instant.optional().describe('Default and at most: one hour after `time`'),
  }),
});
