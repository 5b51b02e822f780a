import type { Wire } from '#common/testing/tcp-gate.js';
import { Lane, type Passing } from './lane.js';

/** What a gate knows of one protocol, for one connection. */
export interface Conversation {
  /** Whole messages out of all bytes so far; the rest is kept for the next call. */
  splitRequests(chunk: Buffer): Buffer[];
  splitAnswers(chunk: Buffer): Buffer[];
  onRequest(message: Buffer): Passing;
  onAnswer(message: Buffer): Passing;
}

/**
 * The wire of a gate that understands where messages begin and end, so that a spec can stop one before the server gets it, or after the
 * server answered and before the client knows. A client that dies while its request waits takes the request with it.
 */
export const conversing =
  (toConversation: () => Conversation): Wire =>
  ({ client, server }) => {
    const conversation = toConversation();
    const requests = new Lane(server, (message) => conversation.onRequest(message));
    const answers = new Lane(client, (message) => conversation.onAnswer(message));
    client.on('data', (chunk) => requests.push(conversation.splitRequests(chunk)));
    server.on('data', (chunk) => answers.push(conversation.splitAnswers(chunk)));
    const leave = (): void => {
      // The server never hears what was held back: the client that asked is dead.
      if (requests.isHolding) server.destroy();
      else requests.end();
    };
    for (const event of ['end', 'error', 'close'] as const) {
      client.on(event, leave);
      server.on(event, () => answers.end());
    }
  };
