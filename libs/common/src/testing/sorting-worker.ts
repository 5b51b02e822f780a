import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Reference } from '#common/contracts/shared-ref.js';
import { SortedLines } from '#common/operations/content/sorted-lines.js';
import { UnreferencedList } from '#common/operations/content/unreferenced.js';

/** Sorts so many references that come in no order and takes them away from a listing of as many and one; sends how many are left. */
process.once('message', (count: number) => {
  void work(count).then((left) => process.send?.(left, () => process.disconnect()));
});
process.send?.('ready');

async function work(count: number): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-sorting-'));
  try {
    const lines = new SortedLines({ folder, name: 'references' });
    for (let i = 0; i < count; i += 1) {
      const reference = toReference((i * 7_919) % count);
      lines.add(reference.name, JSON.stringify(reference));
    }
    const list = await UnreferencedList.of(listed(count + 1), folder);
    await list.subtract(sorted(lines));
    const left: string[] = [];
    for await (const { name } of list.all()) left.push(name);
    return left;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const toReference = (i: number): Reference => {
  const digest = String(i).padStart(64, '0');
  return { name: `${digest}-0011223344556677.zst`, sizeBytes: i, sha256: digest };
};

async function* listed(count: number): AsyncGenerator<Reference> {
  for (let i = 0; i < count; i += 1) yield toReference(i);
}

async function* sorted(lines: SortedLines): AsyncGenerator<Reference> {
  for await (const { line } of lines.sorted()) yield JSON.parse(line) as Reference;
}
