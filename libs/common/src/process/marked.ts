import { endProcesses } from './orphans.js';
import { findProcess, listPids, type ProcessEntry, readVariable } from './process-table.js';

/** Processes of this user whose environment says so. None on anything but Linux. */
async function findMarked(name: string, value: string): Promise<ProcessEntry[]> {
  const found: ProcessEntry[] = [];
  for (const pid of await listPids()) {
    if (pid === process.pid || (await readVariable(pid, name)) !== value) continue;
    const entry = await findProcess(pid);
    if (entry !== undefined && !entry.isGone) found.push(entry);
  }
  return found;
}

/** Ends them, whole process groups: SIGTERM, and SIGKILL to what is left. Returns those that got a signal. Throws: the abort reason. */
export const endMarked = async (
  name: string,
  value: string,
  o: { readonly signal: AbortSignal },
): Promise<readonly ProcessEntry[]> => endProcesses(await findMarked(name, value), o);
