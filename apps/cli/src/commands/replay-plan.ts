import { createKafka } from '#common/bus/kafka-client.js';
import { openReplayBus } from '#common/bus/replay/replay-bus.js';
import { AppError } from '#common/errors/app-error.js';
import { exitOfRefusals, toRefusalLines } from '#common/errors/refusals.js';
import type { ReplayPlan } from '#common/operations/replay/plan.js';
import { planReplay } from '#common/operations/replay/plan-replay.js';
import { toKafkaOptions } from '#common/service/open-service.js';
import { toReplayAsk } from '#common/service/requests/to-replay-ask.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { newLocalId } from '../local/local-identity.js';
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
    const { position, data } = await parseReplay(options, context);
    const { bus } = context.installation.config;
    if (bus === undefined) throw new AppError('config.invalid', 'a replay needs `bus` in the configuration');
    const kafka = createKafka({ ...toKafkaOptions(bus), clientId: 'holdfast-cli', logger: silentLogger, retries: 2 });
    const replayBus = await openReplayBus(kafka);
    try {
      const rules = context.installation.topicRules(data.dataset);
      const ask = toReplayAsk(data, { replayId: newLocalId(), position, rules });
      const deps = { bus: replayBus, rules, now: () => new Date() };
      const plan = await planReplay(ask, deps, context.signal);
      return { document: plan, text: toPlanText(plan), exit: exitOfRefusals(plan.refusals) };
    } finally {
      await replayBus.close();
    }
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
