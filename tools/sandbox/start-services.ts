import type { ServiceName } from '#tools/services/service.js';
import type { StartedServices } from '#tools/services/started.js';
import { Trouble } from './trouble.js';

/** What Holdfast and its shop need: a database server, a bus, object storage, a search engine. */
export const shopServices = ['postgres-18', 'kafka', 's3', 'meilisearch'] as const satisfies readonly ServiceName[];

/** Throws: Trouble when a service does not answer; the abort reason. */
export async function startNeeded(services: StartedServices, signal: AbortSignal): Promise<void> {
  const isUp = await services.start(signal);
  signal.throwIfAborted();
  if (!isUp) throw new Trouble('a service did not start', { hint: 'Run `npm run services -- status`.' });
}
