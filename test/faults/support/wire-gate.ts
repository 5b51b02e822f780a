import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Lane, type Passing } from './lane.js';

/** What a gate knows of one protocol, for one connection. */
export interface Conversation {
  /** Whole messages out of all bytes so far; the rest is kept for the next call. */
  splitRequests(chunk: Buffer): Buffer[];
  splitAnswers(chunk: Buffer): Buffer[];
  onRequest(message: Buffer): Passing;
  onAnswer(message: Buffer): Passing;
}

export interface GateAddress {
  readonly host: string;
  readonly port: number;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/**
 * A TCP proxy that understands where messages begin and end, so that a spec can stop one before the server gets it, or after the
 * server answered and before the client knows. A client that dies while its request waits takes the request with it.
 */
export class WireGate {
  private readonly pairs = new Set<Pair>();
  private isShut = false;

  private constructor(
    private readonly listener: Server,
    private readonly server: GateAddress,
    private readonly toConversation: (gatePort: number) => Conversation,
  ) {}

  static async open(server: GateAddress, toConversation: (gatePort: number) => Conversation): Promise<WireGate> {
    const listener = createServer();
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const gate = new WireGate(listener, server, toConversation);
    listener.on('connection', (client) => gate.forward(client));
    return gate;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  /** The server is gone: every connection breaks, and nobody answers until `reopen`. */
  shut(): void {
    this.isShut = true;
    for (const { client, server } of this.pairs) for (const socket of [client, server]) socket.resetAndDestroy();
  }

  reopen(): void {
    this.isShut = false;
  }

  async close(): Promise<void> {
    this.shut();
    if (!this.listener.listening) return;
    this.listener.close();
    await once(this.listener, 'close');
  }

  private forward(client: Socket): void {
    if (this.isShut) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.server);
    // Statements come in small pieces: held back for company, as TCP does by default, each would take 40 ms.
    for (const socket of [client, server]) socket.setNoDelay(true);
    const pair = { client, server };
    this.pairs.add(pair);
    const conversation = this.toConversation(this.port);
    const requests = new Lane(server, (message) => conversation.onRequest(message));
    const answers = new Lane(client, (message) => conversation.onAnswer(message));
    client.on('data', (chunk) => requests.push(conversation.splitRequests(chunk)));
    server.on('data', (chunk) => answers.push(conversation.splitAnswers(chunk)));
    const leave = (): void => {
      // What was held back is never said: whoever asked is dead.
      if (requests.isHolding) server.destroy();
      else requests.end();
    };
    client.on('end', leave);
    client.on('error', leave);
    client.on('close', () => {
      leave();
      this.pairs.delete(pair);
    });
    server.on('end', () => answers.end());
    server.on('error', () => answers.end());
    server.on('close', () => answers.end());
  }
}
