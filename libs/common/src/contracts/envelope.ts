import { z } from 'zod';
import { Instant, isPlainText } from './names.js';

/** CloudEvents allows no control characters in attributes. */
const Text = z.string().refine(isPlainText, 'an attribute holds no control characters');

/** Every event about what was asked for repeats it: of any length, it would make events that no broker takes. */
const Passed = Text.max(200);

/** CloudEvents 1.0 attributes, with the extensions that Holdfast writes. Unknown extensions are not kept. */
export const Envelope = z.object({
  specversion: z.literal('1.0'),
  id: Text.min(1).max(200),
  source: Text.min(1).max(500),
  type: Text.min(1).max(200),
  time: Instant,
  subject: Text.optional(),
  datacontenttype: Text.optional(),
  dataschema: Text.optional(),
  correlationid: Passed.optional(),
  causationid: Passed.optional(),
  traceparent: Passed.optional(),
});
export type Envelope = z.infer<typeof Envelope>;

/** An envelope whose data is not yet known to be anything. */
export interface UntypedEvent extends Envelope {
  readonly data: unknown;
}

/** One parsed event: attributes and data of a known type in its current version. */
export interface Event<T> extends Envelope {
  readonly data: T;
}
