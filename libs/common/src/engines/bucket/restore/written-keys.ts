import { appendFileSync, createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { toLineOfJson } from '#common/engines/bucket/line-of-json.js';

const BUFFERED = 256;

/** Which keys an attempt has written, or was about to: on disk, for there may be millions. */
export class WrittenKeys {
  private readonly file: string;
  private buffered: string[] = [];

  constructor(folder: string) {
    this.file = join(folder, 'written.ndjson');
  }

  add(key: string): void {
    this.buffered.push(`${toLineOfJson(key)}\n`);
    if (this.buffered.length >= BUFFERED) this.flush();
  }

  async *all(): AsyncGenerator<string> {
    this.flush();
    const input = createReadStream(this.file);
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }))
      yield JSON.parse(line) as string;
  }

  private flush(): void {
    appendFileSync(this.file, this.buffered.join(''), { mode: 0o600 });
    this.buffered = [];
  }
}
