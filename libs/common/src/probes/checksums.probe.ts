import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { ManifestObject } from '#common/contracts/manifest.js';
import type { Evidence } from '#common/domain/verdict.js';
import { countAndDigest } from '#common/pipeline/count-and-digest.js';
import { defineProbe } from './define-probe.js';
import { conclude, countOf, EvidenceLog, type ProbeFinding } from './evidence.js';
import type { ProbeContext } from './probe-context.js';

/** Every stored byte of the backup, read again: size and SHA-256 as the manifest says. */
export const checksumsProbe = defineProbe({
  name: 'checksums',
  summary: 'Every object of the backup is read again: size and SHA-256',
  timeoutMs: 6 * 3_600_000,
  params: z.strictObject({}),
  check: (context) => readSums(context),
});

/** It looks at the backup alone: no restored database is needed. */
export type ObjectsContext = Pick<ProbeContext, 'manifest' | 'repository' | 'signal'>;

export async function readSums(context: ObjectsContext): Promise<ProbeFinding> {
  const problems = new EvidenceLog();
  const facts: Evidence[] = [];
  let bytes = 0;
  for (const object of context.manifest.objects) {
    const found = await readObject(object, context);
    const wrong = compareObject(object, found);
    problems.add(...wrong);
    if (wrong.length === 0) facts.push({ subject: object.name, actual: `sha256 ${object.sha256}` });
    bytes += found?.sizeBytes ?? 0;
  }
  const looked = `${countOf(context.manifest.objects.length, 'object')}, ${bytes} bytes`;
  return conclude({ looked, problems, facts });
}

interface FoundObject {
  readonly sizeBytes: number;
  readonly sha256: string;
}

async function readObject({ key }: ManifestObject, context: ObjectsContext): Promise<FoundObject | undefined> {
  const { repository, signal } = context;
  if ((await repository.stat(key, { signal })) === undefined) return undefined;
  const counted = countAndDigest();
  counted.resume();
  await pipeline(await repository.get(key, { signal }), counted, { signal });
  return counted;
}

function compareObject(expected: ManifestObject, found: FoundObject | undefined): Evidence[] {
  const subject = expected.name;
  if (found === undefined) return [{ subject, problem: 'the object is missing' }];
  if (found.sizeBytes !== expected.sizeBytes) {
    return [{ subject, expected: expected.sizeBytes, actual: found.sizeBytes, problem: 'the size differs' }];
  }
  if (found.sha256 === expected.sha256) return [];
  return [{ subject, expected: expected.sha256, actual: found.sha256, problem: 'the content differs' }];
}
