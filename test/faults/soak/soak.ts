import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '#tools/platform/wait-until.js';
import { Cluster } from '../support/cluster.js';
import { findBroken } from '../support/invariants.js';
import type { SoakPlan, TimedAction } from './actions.js';
import * as data from './broken-data.js';
import { findBrokenCopies, findStrayedGroup } from './broken-replays.js';
import { findBrokenRestores } from './broken-restores.js';
import * as runs from './broken-runs.js';
import { Crew, callApi } from './crew.js';
import { Errands } from './errands.js';
import { goOn } from './go-on.js';
import { toLine } from './plan-text.js';
import { SCHEDULE, SOAK_CONFIG, Surroundings } from './surroundings.js';

export interface SoakResult {
  /** Empty is what must come out. */
  readonly broken: readonly string[];
  /** From the last action until no run was open and nothing waited for the bus. */
  readonly restSeconds: number;
  /** `backup completed` → how many. */
  readonly runs: Readonly<Record<string, number>>;
}

export interface SoakOptions {
  readonly say?: (line: string) => void;
  /** When something is broken: leaves everything as it is for a reader to look at. */
  readonly onBroken?: (cluster: Cluster) => Promise<void>;
  /** When all is at rest, right before everything is looked at. */
  readonly beforeLooking?: (cluster: Cluster) => Promise<void>;
}

/** With everything open again it comes to rest by itself within this: claims run out in 4 s, waits between attempts double from 5 s. */
const REST_MS = 300_000;

/** Carries out the plan on a cluster of its own, lets it come to rest, and looks for broken promises. */
export async function soak(plan: SoakPlan, options: SoakOptions = {}): Promise<SoakResult> {
  const cluster = await Cluster.start({ apps: ['scheduler'], hasBulk: true, config: SOAK_CONFIG });
  const surroundings = new Surroundings(cluster);
  try {
    await surroundings.open();
    const crew = new Crew(cluster);
    await crew.start();
    const result = await new Soak(cluster, surroundings, crew, options).run(plan);
    if (result.broken.length > 0) await options.onBroken?.(cluster);
    return result;
  } finally {
    await surroundings.close();
    await cluster.close();
  }
}

class Soak {
  private readonly pending: Promise<unknown>[] = [];
  private readonly mishaps: string[] = [];

  constructor(
    private readonly cluster: Cluster,
    private readonly surroundings: Surroundings,
    private readonly crew: Crew,
    private readonly options: SoakOptions,
  ) {}

  async run(plan: SoakPlan): Promise<SoakResult> {
    const errands = new Errands(this.cluster, this.crew, plan.seed);
    await this.carryOut(plan, errands);
    const endedAtMs = performance.now();
    await this.crew.ready();
    await Promise.all(this.pending);
    await callApi(this.crew, `/api/v1/schedules/${SCHEDULE}/pause`, `token-${this.cluster.id}`, {});
    const isAtRest = await this.rest();
    const restSeconds = Math.round((performance.now() - endedAtMs) / 100) / 10;
    this.options.say?.(`at rest after ${restSeconds} s`);
    const found =
      isAtRest === undefined ? await this.findBroken(plan, errands).catch((error) => [String(error)]) : [isAtRest];
    const broken = [...this.mishaps, ...found];
    return { broken, restSeconds, runs: await this.count() };
  }

  private async carryOut({ actions }: SoakPlan, errands: Errands): Promise<void> {
    const startedAtMs = performance.now();
    for (const action of actions) {
      await sleep(Math.max(0, action.atMs - (performance.now() - startedAtMs)));
      this.options.say?.(`${((performance.now() - startedAtMs) / 1_000).toFixed(1).padStart(7)} s  ${toLine(action)}`);
      const doing = this.act(action, errands);
      // Faults come one after the other; requests wait for nothing.
      if (isFault(action)) await doing.catch((error) => this.mishaps.push(`${toLine(action)}: ${error}`));
      else this.pending.push(doing.catch((error) => this.mishaps.push(`${toLine(action)}: ${error}`)));
    }
  }

  private async act(action: TimedAction, errands: Errands): Promise<unknown> {
    if (action.do === 'ask') return errands.ask(action);
    if (action.do === 'ask again') return errands.askAgain(action.number);
    if (action.do === 'live') return this.surroundings.live(action.orders);
    return this.crew.meet(action);
  }

  /** What is still going on when it should long be over. */
  private async rest(): Promise<string | undefined> {
    const open = `SELECT kind || ' ' || id || ' is ' || state AS what FROM holdfast.runs WHERE state IN ('queued', 'running')
      UNION ALL SELECT 'request ' || event_id || ' waits for the bus' FROM holdfast.outbox
      WHERE published_at IS NULL AND refused_at IS NULL`;
    const look = () => this.cluster.catalog<{ what: string }>(open);
    // What was published may still have to be taken: nothing may be open for a while, not only just now.
    let quietSince = Number.POSITIVE_INFINITY;
    const isQuiet = async (): Promise<boolean> => {
      const isOpen = (await look()).length > 0;
      quietSince = isOpen ? Number.POSITIVE_INFINITY : Math.min(quietSince, performance.now());
      return performance.now() - quietSince > 2_000;
    };
    return waitUntil('everything is at rest', isQuiet, { timeoutMs: REST_MS }).then(
      () => undefined,
      async () => `not at rest after ${REST_MS / 1_000} s: ${(await look()).map(({ what }) => what).join(', ')}`,
    );
  }

  private async findBroken(plan: SoakPlan, errands: Errands): Promise<string[]> {
    const asked = await errands.all();
    const broken = [
      ...(await findStrayedGroup(this.cluster, this.surroundings.reading)),
      ...(await goOn(this.cluster, plan.seed)),
    ];
    await this.rest();
    await this.options.beforeLooking?.(this.cluster);
    broken.push(
      ...(await runs.findBrokenRuns(this.cluster)),
      ...(await runs.findBrokenRequests(this.cluster, asked)),
      ...(await runs.findBadExcuses(this.cluster)),
      ...(await findBrokenRestores(this.cluster, asked)),
      ...(await findBrokenCopies(this.cluster)),
      ...(await findStrayedGroup(this.cluster, this.surroundings.reading)),
      ...(await this.crew.dissolve()),
      ...(await data.findHeldLeases(this.cluster)),
      ...data.findDefectsInLogs(this.cluster),
      ...(await data.findSecretsAnywhere(this.cluster)),
      ...(await findBroken(this.cluster, [])),
    );
    return broken;
  }

  private async count(): Promise<Record<string, number>> {
    const counted: Record<string, number> = {};
    for (const { kind, state, code } of await runs.readRuns(this.cluster)) {
      const name = `${kind} ${state}${state === 'failed' ? ` (${code})` : ''}`;
      counted[name] = (counted[name] ?? 0) + 1;
    }
    return counted;
  }
}

const isFault = (action: TimedAction): boolean => !['ask', 'ask again', 'live'].includes(action.do);
