import { type Reference, SharedName } from '#common/contracts/shared-ref.js';
import type { BackupRepository, ReadOptions, StoredObject } from '#common/repository/backup-repository.js';
import { contentKey, contentPrefix } from '#common/repository/layout.js';
import { joinSorted } from './merge-sorted.js';

/** A shared object as a listing shows it. */
export interface StoredContent extends StoredObject {
  readonly name: string;
}

/** All shared objects of a dataset, sorted by name; what does not have the name of one is left out. Throws: repository.*. */
export async function* listContent(
  repository: BackupRepository,
  dataset: string,
  o: ReadOptions,
): AsyncGenerator<StoredContent> {
  for await (const object of repository.list(contentPrefix(dataset), o)) {
    const name = object.key.split('/').at(-1) ?? '';
    if (SharedName.safeParse(name).success && object.key === contentKey(dataset, name)) yield { ...object, name };
  }
}

export interface LookedAt {
  readonly reference: Reference;
  /** Undefined: it is there at its size. */
  readonly problem: string | undefined;
}

/** Compares references with what a listing shows. What a listing lacks is asked for once more: it may be short. Throws: repository.*; what the references throw. */
export async function* lookAtReferences(
  references: AsyncIterable<Reference>,
  { repository, dataset }: { readonly repository: BackupRepository; readonly dataset: string },
  o: ReadOptions,
): AsyncGenerator<LookedAt> {
  const names = { left: ({ name }: Reference) => name, right: ({ name }: StoredContent) => name };
  for await (const { left: reference, right } of joinSorted(references, listContent(repository, dataset, o), names)) {
    if (right?.sizeBytes === reference.sizeBytes) yield { reference, problem: undefined };
    else {
      const found = await repository.stat(contentKey(dataset, reference.name), o);
      yield { reference, problem: toProblem(reference, found?.sizeBytes) };
    }
  }
}

function toProblem({ sizeBytes }: Reference, found: number | undefined): string | undefined {
  if (found === sizeBytes) return undefined;
  return found === undefined ? 'is missing' : `has ${found} bytes instead of ${sizeBytes}`;
}
