import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Asked } from '../../support/request.js';
import type { Cluster } from './cluster.js';

/** Of whichever scheduler is there now. Throws what `fetch` throws, and when the API says no. */
async function post(cluster: Cluster, type: string, body: object): Promise<void> {
  const response = await fetch(new URL(`/api/v1/requests/${type}`, cluster.replicaOf('scheduler').app.url), {
    method: 'POST',
    headers: { authorization: `Bearer token-${cluster.id}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`the API answered ${response.status}: ${await response.text()}`);
}

/** As a client does that does not know whether it was heard: the same request, under the same id, until it gets an answer. */
export function askUntilAnswered(cluster: Cluster, type: string, data: object): Asked {
  const id = randomUUID();
  const insist = async (): Promise<void> => {
    for (const until = performance.now() + 60_000; performance.now() < until; await sleep(200)) {
      const answered = await post(cluster, type, { id, data }).then(
        () => true,
        () => false,
      );
      if (answered) return;
    }
  };
  // In vain, the run never comes, which is what the spec waits for.
  void insist();
  const source = `holdfast://${cluster.id.replace('_', '-')}`;
  return { type, id, source, time: new Date().toISOString(), data };
}
