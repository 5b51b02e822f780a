import type { z } from 'zod';
import type { ExtensionFacts } from '#common/contracts/snapshot-facts.js';
import type { Evidence } from '#common/domain/verdict.js';

type Extension = z.infer<typeof ExtensionFacts>;

/** Extensions that are missing, elsewhere, or of another version. */
export function compareExtensions(
  expected: readonly Extension[],
  actual: readonly Extension[],
  versions: 'equal' | 'any',
): Evidence[] {
  const found = new Map(actual.map((extension) => [extension.name, extension]));
  return expected.flatMap((extension): Evidence[] => {
    const other = found.get(extension.name);
    const subject = extension.name;
    if (other === undefined) return [{ subject, expected: extension.version, problem: 'the extension is missing' }];
    const wrong: Evidence[] = [];
    if (other.schema !== extension.schema) {
      wrong.push({ subject, expected: extension.schema, actual: other.schema, problem: 'is in another schema' });
    }
    if (versions === 'equal' && other.version !== extension.version) {
      wrong.push({ subject, expected: extension.version, actual: other.version, problem: 'has another version' });
    }
    if (other.comment !== extension.comment) {
      const comments = { expected: extension.comment, actual: other.comment };
      wrong.push({ subject, ...comments, problem: 'has another comment' });
    }
    return wrong;
  });
}
