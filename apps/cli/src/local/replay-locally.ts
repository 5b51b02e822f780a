import { createKafka } from '#common/bus/kafka-client.js';
import { openReplayBus } from '#common/bus/replay/replay-bus.js';
import { AppError } from '#common/errors/app-error.js';
import type { ReplayPlan } from '#common/operations/replay/plan.js';
import { planReplay } from '#common/operations/replay/plan-replay.js';
import type { ReplayDeps } from '#common/operations/replay/request.js';
import type { ReplayResult } from '#common/operations/replay/result.js';
import { runReplay } from '#common/operations/replay/run-replay.js';
import { toKafkaOptions } from '#common/service/open-service.js';
import { toReplayAsk } from '#common/service/requests/to-replay-ask.js';
import { silentLogger } from '#common/telemetry/logger.js';
import type { ReplayArguments } from '../replay-arguments.js';
import type { VerbContext } from '../verb.js';

/**
 * Replays in this process, with the bus and neither services nor catalog. With the same id it goes on where an earlier try stopped.
 * Throws: replay.*, bus.*; the abort reason.
 */
export const replayLocally = (asked: ReplayArguments, replayId: string, context: VerbContext): Promise<ReplayResult> =>
  withReplayPlan(asked, replayId, context, (plan, deps) => runReplay(plan, deps, context.signal));

/** Plans, and works with the plan while the bus is open. Throws: config.invalid without `bus`, replay.*, bus.*; what the work throws. */
export async function withReplayPlan<T>(
  { position, data }: ReplayArguments,
  replayId: string,
  { installation, signal }: VerbContext,
  work: (plan: ReplayPlan, deps: ReplayDeps) => Promise<T>,
): Promise<T> {
  const { bus } = installation.config;
  if (bus === undefined) throw new AppError('config.invalid', 'a replay needs `bus` in the configuration');
  const kafka = createKafka({ ...toKafkaOptions(bus), clientId: 'holdfast-cli', logger: silentLogger, retries: 2 });
  const replayBus = await openReplayBus(kafka);
  try {
    const rules = installation.topicRules(data.dataset);
    const deps = { bus: replayBus, rules, now: () => new Date() };
    return await work(await planReplay(toReplayAsk(data, { replayId, position, rules }), deps, signal), deps);
  } finally {
    await replayBus.close();
  }
}
