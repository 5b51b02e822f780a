import type { DatabaseFacts, RedisFacts } from '#common/engines/redis/facts.js';
import type { ServerIdentity } from '#common/engines/redis/server-identity.js';
import { KeySum } from './rdb-counter.js';
import type { RdbNode } from './rdb-node.js';

/** What the snapshots of all servers hold together. */
export function toFacts(
  nodes: readonly RdbNode[],
  o: ServerIdentity & { readonly mode: RedisFacts['mode'] },
): RedisFacts {
  const parts = nodes.map(({ facts }) => facts);
  const instants = parts.map(({ takenAt }) => takenAt).toSorted();
  const [first = new Date(0).toISOString(), last = first] = [instants[0], instants.at(-1)];
  const functions = nodes.flatMap(({ counter }) => counter.functions);
  const flavours = nodes.map(({ counter }) => counter.header?.flavour ?? 'REDIS');
  return {
    ...{ takenAt: first, server: o.server, version: o.version, mode: o.mode, isCounted: true },
    flavour: flavours.includes('VALKEY') ? 'VALKEY' : 'REDIS',
    rdbVersion: Math.max(...parts.map(({ rdbVersion }) => rdbVersion ?? 0)),
    databases: mergeDatabases(nodes.flatMap(({ counter }) => counter.databases)),
    // Every master of a cluster has them all.
    functions: [...new Map(functions.map((each) => [each.name, each])).values()],
    samples: nodes.flatMap(({ counter }) => counter.samples),
    nodes: parts,
    warnings:
      first === last ? [] : [`the servers of the cluster were read one after another, from ${first} to ${last}`],
  };
}

function mergeDatabases(parts: readonly DatabaseFacts[]): DatabaseFacts[] {
  const byDb = new Map<number, DatabaseFacts>();
  for (const part of parts) {
    const known = byDb.get(part.db);
    byDb.set(part.db, known === undefined ? part : mergeTwo(known, part));
  }
  return [...byDb.values()].toSorted((a, b) => a.db - b.db);
}

function mergeTwo(a: DatabaseFacts, b: DatabaseFacts): DatabaseFacts {
  const types = { ...a.types };
  for (const [type, { keys, expiring }] of Object.entries(b.types)) {
    const known = types[type] ?? { keys: 0, expiring: 0 };
    types[type] = { keys: known.keys + keys, expiring: known.expiring + expiring };
  }
  return {
    ...{ db: a.db, keys: a.keys + b.keys, expiring: a.expiring + b.expiring, fieldTimes: a.fieldTimes + b.fieldTimes },
    ...{ types, digest: KeySum.total([a.digest, b.digest]) },
  };
}
