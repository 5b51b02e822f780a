import { TopicName } from '#common/contracts/names.js';
import type { KafkaTarget } from '#common/engines/kafka/kafka-dataset.js';
import type { TopicsFacts } from '#common/engines/kafka/topics-facts.js';
import { AppError } from '#common/errors/app-error.js';

/** Every topic and group gets its own name back. */
export const SAME = 'same';
/** Topics get the names that the target's `rename` gives them. */
export const RENAMED = 'renamed';
/** Its end tells a prefix from the two words above. */
const PREFIX = /^[a-zA-Z0-9._-]{0,120}[._-]$/;

/** `same`, `renamed`, or a prefix. Throws: request.invalid. */
export function toDestination(wanted: string = SAME): string {
  if (wanted === SAME || wanted === RENAMED || PREFIX.test(wanted)) return wanted;
  const said = `"${wanted}" is no destination of topics: say \`${SAME}\`, \`${RENAMED}\`, or a prefix that ends with a dot, a dash or an underscore`;
  throw new AppError('request.invalid', said);
}

/** Undefined for a destination that is none. */
export const toPrefix = (destination: string): string | undefined =>
  destination === SAME || destination === RENAMED ? undefined : destination;

/** What a restore calls what the backup has. */
export interface RestoredNames {
  topic(name: string): string;
  group(name: string): string;
}

export function toNames(destination: string, { rename }: Pick<KafkaTarget, 'rename'>): RestoredNames {
  if (destination === SAME) return { topic: (name) => name, group: (name) => name };
  if (destination === RENAMED)
    return { topic: (name) => (Object.hasOwn(rename, name) ? (rename[name] ?? name) : name), group: (name) => name };
  return { topic: (name) => destination + name, group: (name) => destination + name };
}

/** Why the names will not do: too long, or two topics of one name. */
export function findNameProblem({ topics }: TopicsFacts, names: RestoredNames): string | undefined {
  const wanted = topics.map(({ name }) => names.topic(name));
  const tooLong = wanted.find((name) => !TopicName.safeParse(name).success);
  if (tooLong !== undefined) return `"${tooLong}" is no name of a topic`;
  const twice = wanted.find((name, index) => wanted.indexOf(name) !== index);
  return twice === undefined ? undefined : `two topics of the backup would be called ${twice}`;
}
