import { findDatabaseOid } from '#common/engines/postgres/restore/database.js';
import { buildScratch, type Order, type RestoreMaterial, tidied } from '#common/engines/postgres/restore/strategies.js';
import { carryOver } from './carry-over.js';
import { exchange } from './exchange.js';
import { toKeptName, toMark } from './kept-databases.js';
import { proveEqual } from './prove-equal.js';

/**
 * Restores beside, holds what came back against the backup, and only then puts it in the place of what is there, in one step. What was there is kept
 * under a name of its own until it is released. Throws: restore.unequal, restore.busy, restore.failed, postgres.*; the abort reason.
 */
export async function bySwap(order: Order, material: RestoreMaterial, signal: AbortSignal): Promise<void> {
  const { target, identity, destination: database, manifest } = order;
  const { lock, remember, onProgress } = material;
  await tidied(order, lock, signal, async () => {
    const { scratch, statements, complaints } = await buildScratch(order, material, signal);
    const carried = await carryOver(lock, { from: database, to: scratch }, target);
    for (const statement of [...carried, ...statements]) await lock.query(statement);
    onProgress({ stage: 'verify', bytes: 0, totalBytes: null });
    await proveEqual({ manifest, target, database: scratch, signal });
    onProgress({ stage: 'exchange', bytes: 0, totalBytes: null });
    const kept = toKeptName(identity);
    const doneMark = await findDatabaseOid(lock, scratch);
    await remember({ findings: { harmlessErrors: complaints, keptDatabases: [kept] }, doneMark });
    const renames = [
      { from: database, to: kept },
      { from: scratch, to: database },
    ];
    await exchange({ target, identity, lock, renames, statements: [await toMark(lock, kept, database)] }, signal);
  });
}
