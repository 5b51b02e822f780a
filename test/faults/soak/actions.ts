import type { AppName } from '#tools/platform/app-process.js';
import type { S3Fault } from '../support/s3-gate.js';

/** A place for one process: who is killed there is followed by another. */
export type Slot = `${AppName} ${number}`;

/** Everything here is named by numbers: ids, names and times of a system differ from run to run, its plan does not. */
export type Request =
  | { readonly ask: 'backup'; readonly dataset: Dataset; readonly hasDeadline: boolean }
  | {
      readonly ask: 'restore';
      readonly dataset: Dataset;
      readonly backup: Choice;
      /** `new`: a database of its own. `live`: one of a few that are there, restored in place. */
      readonly into: 'new' | 'live 0' | 'live 1';
      readonly isVerified: boolean;
      readonly safetyBackup: boolean;
    }
  /** Of what an earlier request restored, if it did. */
  | { readonly ask: 'verification'; readonly restore: number }
  | { readonly ask: 'replay'; readonly mode: 'reset' | 'republish'; readonly backup: Choice }
  | { readonly ask: 'cancel'; readonly request: number }
  | { readonly ask: 'nonsense'; readonly kind: Nonsense };

export const DATASETS = ['shop', 'bulk', 'ledger', 'crm'] as const;
export type Dataset = (typeof DATASETS)[number];

/** The how-manieth of those that are there when it is asked, counted round; or what the system calls the latest. */
export type Choice = number | 'latest';

export const NONSENSE = [
  'unknown dataset',
  'unknown target',
  'forbidden database',
  'expired',
  'no JSON',
  'unknown type',
] as const;
export type Nonsense = (typeof NONSENSE)[number];

/** What goes on around the system: rows, events, and a consumer that reads them. */
export type Life = { readonly do: 'live'; readonly orders: number };

export type Asking = {
  readonly do: 'ask';
  readonly number: number;
  readonly request: Request;
  readonly via: 'bus' | 'api';
};

/** The same request once more, under the same id. */
export type Repeating = { readonly do: 'ask again'; readonly number: number };

export const OUTAGES = ['catalog', 'bus', 'source', 'target'] as const;
export type Outage = (typeof OUTAGES)[number];
export type EverySlot = 'all';

export type Fault =
  | { readonly do: 'kill' | 'stop' | 'start'; readonly slot: Slot }
  | { readonly do: 'freeze' | 'thaw'; readonly slot: Slot; readonly withChildren: boolean }
  | { readonly do: 'shut' | 'reopen'; readonly what: Outage; readonly slot: Slot | EverySlot }
  | {
      readonly do: 'storm' | 'calm';
      readonly fault: S3Fault;
      readonly methods: readonly string[];
      readonly slot: Slot | EverySlot;
    };

export type Action = Life | Asking | Repeating | Fault;
export type TimedAction = { readonly atMs: number } & Action;

export interface SoakPlan {
  readonly seed: number;
  readonly seconds: number;
  readonly actions: readonly TimedAction[];
}

export const SLOTS: readonly Slot[] = [
  ...(['executor 0', 'executor 1', 'executor 2'] as const),
  ...(['verifier 0', 'verifier 1', 'scheduler 0', 'scheduler 1'] as const),
];

export const appOf = (slot: Slot): AppName => slot.split(' ')[0] as AppName;
