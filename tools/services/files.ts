import { lstat } from 'node:fs/promises';

/** True when there is something of that name, be it a link that leads nowhere. */
export function exists(path: string): Promise<boolean> {
  return succeeds(lstat(path));
}

/** For questions whose only answers are "it worked" and "it did not". */
export function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
