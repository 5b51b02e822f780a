import { z } from 'zod';
import { Instant } from './names.js';

/** CloudEvents 1.0 attributes, with the extensions that Holdfast writes. Unknown extensions are kept by nobody. */
export const Envelope = z.object({
  specversion: z.literal('1.0'),
  id: z.string().min(1).max(200),
  source: z.string().min(1).max(500),
  type: z.string().min(1).max(200),
  time: Instant,
  subject: z.string().optional(),
  datacontenttype: z.string().optional(),
  dataschema: z.string().optional(),
  correlationid: z.string().optional(),
  causationid: z.string().optional(),
  traceparent: z.string().optional(),
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
