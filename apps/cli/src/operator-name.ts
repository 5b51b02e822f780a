import { userInfo } from 'node:os';
import { environment } from '#common/config/load-config.js';
import type { Environment } from '#common/config/references.js';

/** Who a hold or a deletion is signed by. A container often runs under a uid without an entry in its passwd file: `userInfo` throws there. */
export function operatorName(env: Environment = environment, readUser: () => { username: string } = userInfo): string {
  try {
    return readUser().username;
  } catch {
    return env['USER'] || `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
