import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../support/cluster.js';
import { descendantsOf } from '../support/process-tree.js';
import type { Replica } from '../support/replica.js';
import type { Answering } from '../support/s3-gate.js';
import { appOf, type Fault, type Outage, SLOTS, type Slot } from './actions.js';

type Shutting = Extract<Fault, { do: 'shut' | 'reopen' }>;
type Storm = Extract<Fault, { do: 'storm' | 'calm' }>;

/** Nothing of a storm is left to others when it ends. */
const ENDLESS = Number.POSITIVE_INFINITY;
const API_MS = 180_000;

/** The processes of a soak, each in its slot: who is killed is followed by another, which meets the outages that last. */
export class Crew {
  private readonly current = new Map<Slot, Replica>();
  /** Who was asked to end: it may take its time, while another is in its slot already. */
  private readonly leaving: Promise<string | undefined>[] = [];
  private readonly ended = new Set<Replica>();
  private outages: Shutting[] = [];
  private storms: { readonly storm: Storm; readonly answers: Answering[] }[] = [];

  constructor(private readonly cluster: Cluster) {}

  /** The cluster has its first scheduler, which has made catalog and topics. */
  async start(): Promise<void> {
    this.current.set('scheduler 0', this.cluster.replicaOf('scheduler'));
    await Promise.all(SLOTS.filter((slot) => slot !== 'scheduler 0').map((slot) => this.fill(slot)));
    await this.ready();
  }

  /** Whom a client can ask just now. */
  get schedulers(): Replica[] {
    return [...this.current.values()].filter(({ name, app }) => name === 'scheduler' && !app.hasEnded);
  }

  async ready(): Promise<void> {
    await Promise.all([...this.current.values()].map((replica) => replica.ready()));
  }

  async meet(fault: Fault): Promise<void> {
    switch (fault.do) {
      case 'start':
        return this.fill(fault.slot);
      case 'kill':
        return this.kill(fault.slot);
      case 'stop':
        return this.dismiss(fault.slot);
      case 'freeze':
        return this.signal(fault.slot, fault.withChildren, 'SIGSTOP');
      case 'thaw':
        return this.signal(fault.slot, fault.withChildren, 'SIGCONT');
      case 'shut':
        this.outages.push(fault);
        return this.applyOutages();
      case 'reopen':
        this.outages = this.outages.filter(({ what, slot }) => what !== fault.what || slot !== fault.slot);
        return this.applyOutages();
      case 'storm':
        this.storms.push({ storm: fault, answers: this.met(fault.slot).flatMap((one) => brew(one, fault)) });
        return;
      case 'calm':
        return this.calm(fault);
    }
  }

  /** Ends all replicas, politely; returns what any of them did wrong, now or at any time before. */
  async dissolve(): Promise<string[]> {
    for (const slot of SLOTS) await this.dismiss(slot);
    const exits = await Promise.all(this.leaving);
    const gone = this.cluster.replicas.filter((replica) => replica.app.hasEnded && !this.ended.has(replica));
    return [
      ...exits.filter((exit) => exit !== undefined),
      ...gone.map(({ name, app }) => `a ${name} ended by itself\n${app.tail()}`),
    ];
  }

  private async fill(slot: Slot): Promise<void> {
    const replica = await this.cluster.startApp(appOf(slot), { wait: false });
    this.current.set(slot, replica);
    this.applyOutages();
    for (const { storm, answers } of this.storms) if (isMet(storm, slot)) answers.push(...brew(replica, storm));
  }

  private async kill(slot: Slot): Promise<void> {
    const replica = this.in(slot);
    this.ended.add(replica);
    await replica.kill();
  }

  private async dismiss(slot: Slot): Promise<void> {
    const replica = this.in(slot);
    this.ended.add(replica);
    replica.orphans = await descendantsOf(replica.app.pid);
    const exit = replica
      .stop()
      .then((code) => (isPolite(code, replica) ? undefined : `${slot} ended with ${code}\n${replica.app.tail()}`));
    this.leaving.push(exit);
  }

  private async signal(slot: Slot, withChildren: boolean, signal: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const { pid } = this.in(slot).app;
    const children = withChildren ? await descendantsOf(pid) : [];
    for (const one of [pid, ...children.map((child) => child.pid)]) send(one, signal);
  }

  private calm({ fault, methods, slot }: Storm): void {
    const isIt = ({ storm }: { readonly storm: Storm }): boolean =>
      storm.fault === fault && storm.slot === slot && storm.methods.join() === methods.join();
    for (const { answers } of this.storms.filter(isIt)) for (const answer of answers) answer.end();
    this.storms = this.storms.filter((one) => !isIt(one));
  }

  private applyOutages(): void {
    const whats: readonly Outage[] = ['catalog', 'bus', 'source', 'target'];
    for (const [slot, { gates }] of this.current) {
      for (const what of whats) {
        const isShut = this.outages.some((outage) => outage.what === what && isMet(outage, slot));
        if (isShut) gates[what].shut();
        else gates[what].reopen();
      }
    }
  }

  private met(slot: Slot | 'all'): Replica[] {
    return slot === 'all' ? [...this.current.values()] : [this.in(slot)];
  }

  private in(slot: Slot): Replica {
    const replica = this.current.get(slot);
    if (replica === undefined) throw new Error(`no replica was ever in slot ${slot}`);
    return replica;
  }
}

/** A replica that gets the signal before it has run any line of its own ends as every program does, and held nothing. */
const isPolite = (code: number | string, { app }: Replica): boolean =>
  code === 0 || (code === 'SIGTERM' && app.output.length === 0);

const isMet = (fault: { readonly slot: Slot | 'all' }, slot: Slot): boolean =>
  fault.slot === 'all' || fault.slot === slot;

const brew = ({ gates }: Replica, { methods, fault }: Storm): Answering[] =>
  methods.map((method) => gates.storage.answer({ method, key: /./ }, fault, ENDLESS));

/** A child may have ended since it was listed. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Asks one scheduler after another until one answers: as a client does that will not lose its request. */
export async function callApi<T>(crew: Crew, path: string, token: string, body: object): Promise<T> {
  const deadline = performance.now() + API_MS;
  for (let tries = 1; performance.now() < deadline; tries += 1) {
    for (const { app } of crew.schedulers) {
      const answer = await post(app, path, token, body).catch(() => undefined);
      if (answer !== undefined) return answer as T;
    }
    await sleep(Math.min(5_000, 250 * 2 ** tries));
  }
  throw new Error(`no scheduler has taken ${path} for ${API_MS / 1_000} s`);
}

async function post({ url }: Replica['app'], path: string, token: string, body: object): Promise<unknown> {
  const response = await fetch(new URL(path, url), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${await response.text()}`);
  return response.json();
}
