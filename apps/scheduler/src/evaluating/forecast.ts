import type { Catalog } from '#common/catalog/catalog.js';
import type { PlanConfig } from '#common/config/plans/plan.config.js';
import type { PlanStep } from '#common/config/plans/plan-steps.js';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { PlanForecast } from '#common/contracts/plan-forecast.js';
import type { Installation } from '#common/service/installation.js';
import type { PlannedSteps } from './command-line.js';

export interface ForecastDeps {
  readonly catalog: Catalog;
  readonly installation: Installation;
  /** Where a backup stood on the bus; null: not known. */
  readonly positionOf: (dataset: string, backupId: string) => Promise<BusPosition | null>;
  /** Where a dataset's topics stand now. */
  readonly positionNow: (dataset: string) => Promise<BusPosition | undefined>;
}

/** What a recovery would take and lose if it began now. Throws: catalog.unavailable. */
export async function makeForecast(
  { steps: configured }: PlanConfig,
  steps: PlannedSteps,
  d: ForecastDeps,
): Promise<PlanForecast> {
  const now = (await d.catalog.transaction((tx) => tx.now())).getTime();
  const seconds = new Map<string, number>();
  for (const { name, lastSeconds } of steps) {
    const step = configured.find((each) => each.name === name);
    const known = lastSeconds ?? (step && (await measuredElsewhere(step, d)));
    if (known !== undefined) seconds.set(name, known);
  }
  const ages = steps.flatMap(({ brings }) => (brings === null ? [] : [(now - Date.parse(brings.upTo)) / 1_000]));
  return {
    rtoSeconds: round([...seconds.values()].reduce((sum, each) => sum + each, 0)),
    unmeasured: steps.filter(({ name }) => !seconds.has(name)).map(({ name }) => name),
    rpoSeconds: ages.length === 0 ? null : round(Math.max(0, ...ages)),
    eventsToReplay: await countEvents(configured, steps, d),
  };
}

const round = (seconds: number): number => Math.round(seconds * 10) / 10;

/** By runs of services, and by drills. */
async function measuredElsewhere(step: PlanStep, { catalog }: ForecastDeps): Promise<number | undefined> {
  if (step.use !== 'restore' && step.use !== 'verify') return undefined;
  return catalog.transaction((tx) => tx.planEvaluations.lastSeconds(step.use, step.dataset));
}

/** Of all datasets that the plan restores and replays. */
async function countEvents(
  configured: readonly PlanStep[],
  steps: PlannedSteps,
  d: ForecastDeps,
): Promise<number | null> {
  const replayed = new Set(configured.flatMap((step) => (step.use === 'replay' ? [step.dataset] : [])));
  let events: number | null = null;
  for (const dataset of replayed) {
    const restore = configured.find((step) => step.use === 'restore' && step.dataset === dataset);
    const brings = steps.find(({ name }) => name === restore?.name)?.brings ?? null;
    if (brings === null) return null;
    const [then, now] = [await d.positionOf(dataset, brings.backupId), await d.positionNow(dataset)];
    const since = then === null || now === undefined ? undefined : countSince(then, now);
    if (since === undefined) return null;
    events = (events ?? 0) + since;
  }
  return events;
}

/** Offsets that were given since, from where the group that lags most would begin. Undefined: topics were made anew, or the log was read in another cluster. */
export function countSince(then: BusPosition, now: BusPosition): number | undefined {
  if (then.partitions.length === 0) return undefined;
  let events = 0n;
  for (const { topic, partition, endOffset } of now.partitions) {
    if (then.topicIds[topic] !== undefined && then.topicIds[topic] !== now.topicIds[topic]) return undefined;
    const before = then.partitions.find((each) => each.topic === topic && each.partition === partition);
    const starts = [
      before?.endOffset ?? '0',
      ...Object.values(before?.committed ?? {}).map((at) => at ?? before?.logStartOffset ?? '0'),
    ];
    const from = starts.map(BigInt).reduce((least, each) => (each < least ? each : least));
    if (BigInt(endOffset) > from) events += BigInt(endOffset) - from;
  }
  return Number(events);
}
