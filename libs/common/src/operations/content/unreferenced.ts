import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Reference } from '#common/contracts/shared-ref.js';
import { readLines, toLineStream } from './line-stream.js';
import { joinSorted } from './merge-sorted.js';

export interface Unreferenced {
  readonly name: string;
  readonly sizeBytes: number;
}

const nameOf = ({ name }: { readonly name: string }): string => name;

/** What is left of a listing after the references of one backup after the other were taken away from it. Lies in a file, sorted by name. */
export class UnreferencedList {
  private made = 0;
  private file: string | undefined;
  count = 0;

  private constructor(private readonly folder: string) {}

  /** `listed` is sorted by name. */
  static async of(listed: AsyncIterable<Unreferenced>, folder: string): Promise<UnreferencedList> {
    const list = new UnreferencedList(folder);
    await list.replace(listed);
    return list;
  }

  /** One pass over both. Throws: what the references throw; the list is as it was then. */
  async subtract(references: AsyncIterable<Reference>): Promise<void> {
    await this.replace(withoutReferenced(this.all(), references));
  }

  async *all(): AsyncGenerator<Unreferenced> {
    if (this.file === undefined) return;
    for await (const line of readLines(createReadStream(this.file))) {
      const [name = '', size] = line.split(' ');
      yield { name, sizeBytes: Number(size) };
    }
  }

  private async replace(objects: AsyncIterable<Unreferenced>): Promise<void> {
    this.made += 1;
    const file = join(this.folder, `unreferenced-${this.made}`);
    let count = 0;
    async function* lines(): AsyncGenerator<string> {
      for await (const { name, sizeBytes } of objects) {
        count += 1;
        yield `${name} ${sizeBytes}`;
      }
    }
    await pipeline(toLineStream(lines()), createWriteStream(file, { mode: 0o600 }));
    if (this.file !== undefined) await rm(this.file);
    [this.file, this.count] = [file, count];
  }
}

async function* withoutReferenced(
  objects: AsyncIterable<Unreferenced>,
  references: AsyncIterable<Reference>,
): AsyncGenerator<Unreferenced> {
  for await (const { left, right } of joinSorted(objects, references, { left: nameOf, right: nameOf }))
    if (right === undefined) yield left;
}
