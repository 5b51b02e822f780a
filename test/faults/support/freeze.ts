import { waitUntil } from '#tools/platform/wait-until.js';
import { descendantsOf, stillRunning } from './process-tree.js';
import type { Replica } from './replica.js';

export interface Frozen {
  /** It goes on where it stood, without knowing how long it stood there. */
  thaw(): void;
  /** Resolves when what it had started has ended. */
  childrenGone(): Promise<void>;
}

/** SIGSTOP for an app and all that it started, as a hypervisor that is moved or a machine that swaps does it. */
export async function freeze({ app }: Replica): Promise<Frozen> {
  // The app first: it must not start anything while we look.
  process.kill(app.pid, 'SIGSTOP');
  const children = await descendantsOf(app.pid);
  for (const { pid } of children) process.kill(pid, 'SIGSTOP');
  let isFrozen = true;
  return {
    thaw: () => {
      // Once: later these numbers may be another process's.
      if (isFrozen) for (const pid of [...children.map((child) => child.pid), app.pid]) process.kill(pid, 'SIGCONT');
      isFrozen = false;
    },
    childrenGone: async () => {
      await waitUntil('its children are gone', async () => (await stillRunning(children)).length === 0);
    },
  };
}
