import { exitOfRefusals, toRefusalLines } from '#common/errors/refusals.js';
import type { ReplayPlan } from '#common/operations/replay/plan.js';
import { newLocalId } from '../local/local-identity.js';
import { withReplayPlan } from '../local/replay-locally.js';
import { toTable } from '../output/table.js';
import { parseReplay, replayOptions } from '../replay-arguments.js';
import type { Verb } from '../verb.js';

export const replayPlan: Verb = {
  path: ['replay', 'plan'],
  summary: 'show which events a replay would bring back, which are gone, and what stands in its way; changes nothing',
  options: replayOptions,
  examples: [
    'replay plan --backup shop@latest',
    'replay plan --backup shop@latest --mode republish --destination shop.orders.again --json',
    'replay plan --dataset shop --since 2026-11-21T09:30:00Z',
    'replay plan --dataset shop --offsets shop.orders/0=120,shop.orders/1=98 --groups shop-projector',
  ],
  async run(context, options) {
    const asked = await parseReplay(options, context);
    return withReplayPlan(asked, newLocalId(), context, async (plan) => ({
      document: plan,
      text: toPlanText(plan),
      exit: exitOfRefusals(plan.refusals),
    }));
  },
};

function toPlanText(plan: ReplayPlan): string {
  const rows = plan.partitions.map(({ topic, partition, group, fromOffset, toOffset, gap, ...of }) => [
    ...[topic, String(partition), group ?? '', fromOffset, toOffset, of.recordsAtMost],
    gap === null ? '0' : `at most ${gap.recordsAtMost}`,
    ...[of.firstRecordAt ?? '', of.lastRecordAt ?? ''],
  ]);
  const header = ['topic', 'partition', 'group', 'from', 'to', 'records at most', 'gone', 'first', 'last'];
  const groups = plan.groups.map(({ name, state, members }) => `group ${name}: ${state}, ${members} members`);
  const doubt = plan.doubt === null ? [] : [`the start is not proven: ${plan.doubt}`];
  return [
    toTable(header, rows),
    '',
    ...groups,
    ...doubt,
    `takes about ${plan.estimatedSeconds ?? '?'} s`,
    ...toRefusalLines(plan.refusals),
  ].join('\n');
}
