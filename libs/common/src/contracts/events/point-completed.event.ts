import { z } from 'zod';
import { defineEvent } from '#common/contracts/define-event.js';
import { PointHead } from '#common/contracts/event-parts.js';
import { cutText, firstWithin } from '#common/contracts/fit.js';
import { Instant } from '#common/contracts/names.js';
import { PointBody } from '#common/contracts/point-document.js';

const LIST_BYTES = 256 * 1024;

/** All members of a recovery point are backed up, and the point lies beside them. `agrees` says whether they fit together. */
export const PointCompleted = defineEvent({
  type: 'point.completed',
  version: 1,
  summary: 'All members of a recovery point are backed up',
  key: (data) => data.point,
  fit: (data) => {
    const members = firstWithin(data.members, LIST_BYTES);
    const problems = firstWithin(
      data.problems.map((each) => cutText(each)),
      LIST_BYTES,
    );
    return {
      ...data,
      members,
      problems,
      ...(members.length < data.members.length ? { membersTotal: data.members.length } : {}),
    };
  },
  data: z.object({
    ...PointHead,
    ...PointBody,
    attempt: z.int().min(1),
    pointId: z.uuid().describe('As `holdfast recovery-points show` takes it'),
    membersTotal: z.int().optional().describe('How many there are, where the event holds only the first'),
    agrees: z.boolean().describe('`problems` is empty'),
    startedAt: Instant,
    completedAt: Instant,
  }),
});
