import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endpoints } from '#tools/services/endpoints.js';

/**
 * A wall clock of a process's own that a spec moves while the process runs: libfaketime, which also the children would inherit if
 * they were given the environment. The monotonic clock stays true, as it does when an operator or NTP sets the time.
 */
export class FakeClock {
  private constructor(private readonly folder: string) {}

  static async make(): Promise<FakeClock> {
    const clock = new FakeClock(await mkdtemp(join(tmpdir(), 'holdfast-clock-')));
    // A server may run as another user.
    await chmod(clock.folder, 0o755);
    await clock.move(0);
    return clock;
  }

  /** For the process whose clock it is. Source: libfaketime, README. */
  get env(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: findLibrary(),
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    };
  }

  /** Off the true time, from now on. */
  async move(seconds: number): Promise<void> {
    // Renamed into place: a process that reads half a line reads another time.
    await writeFile(`${this.file}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`);
    await rename(`${this.file}.new`, this.file);
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  private get file(): string {
    return join(this.folder, 'offset');
  }
}

/** Where it lies differs between distributions; its own command knows. */
const findLibrary = (): string =>
  execFileSync(endpoints.tools.faketime, ['-m', '-f', '+0s', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' }).trim();
