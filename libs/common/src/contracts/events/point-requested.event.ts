import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { Instant, PointName, RequestedName } from '#common/contracts/names.js';

/** A recovery point was asked for: backups of all its members, close together and in the right order. */
export const PointRequested = defineEvent({
  type: 'point.requested',
  version: 1,
  summary: 'A recovery point was asked for: backups of all its members, close together and in the right order',
  key: (data) => data.point,
  asked: { point: RequestedName },
  data: z.object({
    point: PointName,
    slotAt: Instant.optional().describe(
      'Set when the times of the point in holdfast.yaml asked: the instant at which it was due',
    ),
  }),
});
