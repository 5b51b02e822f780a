import type { Installation } from '../installation.js';

/** The ledger's name of one destination of a target: only one run at a time may write to it or judge it. Throws: request.refused. */
export function restoreResource(installation: Installation, targetName: string, destination: string): string {
  const kind = installation.targetKind(targetName);
  return `destination ${kind.place(installation.target(targetName))}/${destination}`;
}
