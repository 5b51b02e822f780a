import {
  type Asking,
  type Choice,
  DATASETS,
  type Dataset,
  type Life,
  NONSENSE,
  type Repeating,
  type Request,
  type TimedAction,
} from './actions.js';
import type { Seeded } from './seeded.js';

const KINDS = [
  [9, 'backup'],
  [5, 'restore'],
  [2, 'verification'],
  [3, 'replay'],
  [2, 'cancel'],
  [1, 'nonsense'],
] as const;

/** Dumps and restores of `bulk` take longest. */
const dataset = (chance: Seeded): Dataset =>
  chance.weigh(DATASETS.map((name) => [name === 'shop' ? 4 : name === 'bulk' ? 1.5 : 2, name] as const));

const choice = (chance: Seeded): Choice => (chance.isTrue(0.4) ? 'latest' : chance.whole(0, 99));

/** Requests of every kind, some of them twice, among orders and their consumer. `paceMs` from one to the next, on the whole. */
export function planRequests(chance: Seeded, lengthMs: number, paceMs: number): TimedAction[] {
  // Something to restore from.
  const asked = DATASETS.map((name, number) => first(name, number));
  const actions: TimedAction[] = asked.map((asking) => ({ atMs: 0, ...asking }));
  for (let atMs = 0; atMs < lengthMs; atMs += Math.round(paceMs * (0.2 + 1.6 * chance.next()))) {
    if (chance.isTrue(0.25)) actions.push({ atMs, ...live(chance) });
    const next = ask(chance, asked);
    asked.push(next);
    actions.push({ atMs, ...next });
    if (chance.isTrue(0.2)) actions.push(...repeat(chance, asked, atMs, lengthMs));
  }
  return actions;
}

const first = (dataset: Dataset, number: number): Asking => ({
  ...{ do: 'ask', number, via: 'bus' },
  request: { ask: 'backup', dataset, hasDeadline: false },
});

const live = (chance: Seeded): Life => ({ do: 'live', orders: chance.whole(1, 20) });

function ask(chance: Seeded, asked: readonly Asking[]): Asking {
  const via = chance.isTrue(0.35) ? 'api' : 'bus';
  const request = toRequest(chance, asked);
  const isRaw = request.ask === 'nonsense';
  return { do: 'ask', number: asked.length, request, via: isRaw ? 'bus' : via };
}

function toRequest(chance: Seeded, asked: readonly Asking[]): Request {
  const restores = asked.filter(({ request }) => request.ask === 'restore');
  const runs = asked.filter(({ request }) => request.ask !== 'cancel' && request.ask !== 'nonsense').slice(-4);
  const kind = chance.weigh(KINDS);
  if (kind === 'restore') return restore(chance);
  if (kind === 'verification' && restores.length > 0) return { ask: kind, restore: chance.pick(restores).number };
  if (kind === 'replay') return { ask: kind, mode: chance.pick(['reset', 'republish']), backup: choice(chance) };
  // Late enough that there is something to stop, early enough that it is not over.
  if (kind === 'cancel' && runs.length > 0) return { ask: kind, request: chance.pick(runs).number };
  if (kind === 'nonsense') return { ask: kind, kind: chance.pick(NONSENSE) };
  return { ask: 'backup', dataset: dataset(chance), hasDeadline: chance.isTrue(0.1) };
}

function restore(chance: Seeded): Request {
  const into = chance.weigh([
    [6, 'new'],
    [1, 'live 0'],
    [1, 'live 1'],
  ] as const);
  return {
    ...{ ask: 'restore', dataset: into === 'new' ? dataset(chance) : 'shop', backup: choice(chance), into },
    ...{ isVerified: chance.isTrue(0.5), safetyBackup: chance.isTrue(0.7) },
  };
}

/** At once, as a producer does that lost the answer, or much later. */
function repeat(chance: Seeded, asked: readonly Asking[], atMs: number, lengthMs: number): TimedAction[] {
  const { number } = chance.pick(asked.slice(-10));
  const again: Repeating = { do: 'ask again', number };
  const laterMs = chance.isTrue(0.5) ? 0 : chance.whole(100, 15_000);
  return atMs + laterMs < lengthMs ? [{ atMs: atMs + laterMs, ...again }] : [];
}
