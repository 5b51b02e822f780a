import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { unpackDefinitions } from '#common/engines/postgres/facts/definitions/packing.js';

/** No restore creates subscriptions: they would take rows from the publisher of the original, with its password and its slot. */
export const subscriptionsOf = ({ definitions }: SnapshotFacts): string[] =>
  unpackDefinitions(definitions)
    .filter(({ kind }) => kind === 'subscription')
    .map(({ identity }) => `subscription ${identity}`);
