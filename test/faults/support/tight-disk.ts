import { execFile } from 'node:child_process';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Mounting is for root; elsewhere its specs are named among those that did not run. */
export const canMount = process.getuid?.() === 0;

/** A small file system of a spec's own, which can be filled to the last byte. */
export class TightDisk {
  private constructor(readonly folder: string) {}

  static async mount(mebibytes: number): Promise<TightDisk> {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-disk-'));
    await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0777`, 'tmpfs', folder]);
    return new TightDisk(folder);
  }

  /** Nothing more can be written. */
  async fill(): Promise<void> {
    const { bavail, bsize } = await statfs(this.folder);
    await writeFile(this.ballast, Buffer.alloc(bavail * bsize));
  }

  /** An operator has made room. */
  async drain(): Promise<void> {
    await rm(this.ballast, { force: true });
  }

  async close(): Promise<void> {
    await run('umount', ['--lazy', this.folder]);
    await rm(this.folder, { recursive: true, force: true });
  }

  private get ballast(): string {
    return join(this.folder, 'ballast');
  }
}
