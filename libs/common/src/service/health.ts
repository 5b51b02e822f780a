import type { ConsumerReport } from '#common/bus/consumer/consumer-state.js';
import type { PlanEvaluation } from '#common/catalog/entities/plan-evaluation.entity.js';
import type { NewestBackup } from '#common/catalog/stores/backup.store.js';
import type { DamagedCount } from '#common/catalog/stores/proof.store.js';
import type { HostCount } from '#common/catalog/stores/runs/run-list.store.js';
import { toAppError } from '#common/errors/app-error.js';
import type { Service } from './open-service.js';

export interface HealthReport {
  readonly isReady: boolean;
  readonly checks: Readonly<Record<string, string>>;
}

/** Orchestrators ask with a second's patience. */
const CHECK_TIMEOUT_MS = 800;

/** A consumer that is no member of its group for longer hears no request: three sessions. */
const CUT_OFF_AFTER_MS = 30_000;

/** What `/health` and `/metrics` say of one process. */
export class Health {
  constructor(
    private readonly service: Pick<Service, 'bus' | 'catalog' | 'installation' | 'intake' | 'metrics'>,
    private readonly cutOffAfterMs = CUT_OFF_AFTER_MS,
  ) {}

  /**
   * The bus is named but does not decide: a scheduler keeps events until it is back. A worker that is cut off from it hears no foreign request,
   * whatever the reason, and is not ready.
   */
  async check(): Promise<HealthReport> {
    const { bus, intake } = this.service;
    const catalog = await tell(() => this.askCatalog());
    const report = intake?.report();
    const isCutOff = report !== undefined && isCutOffFor(report, this.cutOffAfterMs);
    const checks = { catalog, bus: bus.state, ...(report && { intake: tellIntake(report) }) };
    return { isReady: catalog === 'ok' && !isCutOff, checks };
  }

  /** Gauges about the whole installation are read from the catalog at each scrape; without it they keep their last values. */
  async metrics(): Promise<string> {
    this.setConsumer();
    await tell(() => this.refresh());
    return this.service.metrics.registry.metrics();
  }

  private askCatalog(): Promise<unknown> {
    return this.service.catalog.transaction((tx) => tx.now());
  }

  private setConsumer(): void {
    const { metrics, intake } = this.service;
    const report = intake?.report();
    if (report === undefined) return;
    metrics.consumerConnected.set(report.isConnected ? 1 : 0);
    metrics.consumerPolledTimestampSeconds.set((report.lastPollAt?.getTime() ?? 0) / 1_000);
    metrics.consumerLag.reset();
    for (const [topic, lag] of Object.entries(report.lag)) metrics.consumerLag.set({ topic }, lag);
    metrics.topicUnreadable.reset();
    for (const [topic, reason] of Object.entries(report.unreadable)) metrics.topicUnreadable.set({ topic, reason }, 1);
  }

  /** Only executors read from source hosts. */
  private setHostSlots(hosts: readonly HostCount[]): void {
    const { sourceHostSlots } = this.service.metrics;
    const { slotsPerHost } = this.service.installation.config.executor;
    sourceHostSlots.reset();
    for (const { host, running } of hosts) {
      sourceHostSlots.set({ host, state: 'used' }, running);
      sourceHostSlots.set({ host, state: 'free' }, Math.max(0, slotsPerHost - running));
    }
  }

  private async refresh(): Promise<void> {
    const { catalog, metrics } = this.service;
    const { open, retrying, hosts, lag, newest, damaged, plans, suspicious } = await catalog.transaction(
      async (tx) => ({
        open: await tx.runs.countOpen(),
        retrying: await tx.runs.countRetrying(),
        hosts: await tx.runs.countByHost(),
        lag: await tx.outbox.lag(),
        newest: await tx.backups.newest(),
        damaged: await tx.proofs.countDamaged(),
        plans: await tx.planEvaluations.list(),
        suspicious: await tx.suspicions.countOpen(),
      }),
    );
    metrics.runsOpen.reset();
    metrics.runsOldestAgeSeconds.reset();
    for (const { kind, state, count, oldestAgeSeconds } of open) {
      metrics.runsOpen.set({ kind, state }, count);
      metrics.runsOldestAgeSeconds.set({ kind, state }, oldestAgeSeconds);
    }
    metrics.runsRetrying.reset();
    for (const { kind, count } of retrying) metrics.runsRetrying.set({ kind }, count);
    this.setHostSlots(hosts);
    metrics.outboxUnpublished.set(lag.unpublished);
    metrics.outboxOldestAgeSeconds.set(lag.oldestAgeSeconds);
    this.setBackups(newest, damaged);
    this.setPlans(plans);
    metrics.backupsSuspicious.reset();
    for (const { dataset, count } of suspicious) metrics.backupsSuspicious.set({ dataset }, count);
  }

  /** A forecast that cannot be made has no value, rather than an old one. */
  private setPlans(plans: readonly PlanEvaluation[]): void {
    const { metrics } = this.service;
    const { planWouldSucceed, planEvaluatedTimestampSeconds, planRtoSeconds, planRpoSeconds, planEventsToReplay } =
      metrics;
    const gauges = [
      planWouldSucceed,
      planEvaluatedTimestampSeconds,
      planRtoSeconds,
      planRpoSeconds,
      planEventsToReplay,
    ];
    for (const gauge of gauges) gauge.reset();
    for (const { plan, wouldSucceed, evaluatedAt, forecast } of plans) {
      planWouldSucceed.set({ plan }, wouldSucceed ? 1 : 0);
      planEvaluatedTimestampSeconds.set({ plan }, evaluatedAt.getTime() / 1_000);
      if (forecast === null) continue;
      planRtoSeconds.set({ plan }, forecast.rtoSeconds);
      if (forecast.rpoSeconds !== null) planRpoSeconds.set({ plan }, forecast.rpoSeconds);
      if (forecast.eventsToReplay !== null) planEventsToReplay.set({ plan }, forecast.eventsToReplay);
    }
  }

  /** A dataset whose last good backup by a method is damaged by now has none: the metrics drop its age. */
  private setBackups(newest: readonly NewestBackup[], damaged: readonly DamagedCount[]): void {
    const { metrics } = this.service;
    const { backupAgeSeconds, backupSizeBytes, backupVerifiedTimestampSeconds, backupsDamaged } = metrics;
    for (const gauge of [backupAgeSeconds, backupSizeBytes, backupVerifiedTimestampSeconds, backupsDamaged])
      gauge.reset();
    for (const { dataset, damaged: count } of damaged) backupsDamaged.set({ dataset }, count);
    for (const { dataset, method, ageSeconds, sizeBytes, lastVerifiedAt } of newest) {
      const labels = { dataset, method };
      backupAgeSeconds.set(labels, ageSeconds);
      backupSizeBytes.set(labels, sizeBytes);
      if (lastVerifiedAt !== null) backupVerifiedTimestampSeconds.set(labels, lastVerifiedAt.getTime() / 1_000);
    }
  }
}

const isCutOffFor = ({ isConnected, sinceLastPollMs }: ConsumerReport, ms: number): boolean =>
  !isConnected && sinceLastPollMs > ms;

function tellIntake({ isConnected, sinceLastPollMs, unreadable }: ConsumerReport): string {
  const topics = Object.entries(unreadable).map(([topic, reason]) => `${topic}: ${reason}`);
  if (!isConnected) topics.unshift(`is not connected, and last asked ${Math.round(sinceLastPollMs / 1_000)} s ago`);
  return topics.length === 0 ? 'ok' : topics.join('; ');
}

async function tell(ask: () => Promise<unknown>): Promise<string> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS);
  try {
    await Promise.race([ask(), late]);
    return 'ok';
  } catch (error) {
    return toAppError(error).message;
  } finally {
    clearTimeout(timer);
  }
}
