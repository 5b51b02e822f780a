import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export interface GateOptions {
  readonly host: string;
  readonly port: number;
  /** Of what the server says to one client: what comes after it is held back. */
  readonly stallAfterBytes?: number;
  /** Looks at everything that the server says, and may say something of the same length instead. */
  readonly rewrite?: (chunk: Buffer) => Buffer;
}

/** A TCP proxy in front of a server that holds long answers at a chosen byte: what happens in the middle can then happen at leisure. */
export class StallingGate {
  /** Resolves when the first client waits for more. */
  readonly stalled: Promise<void>;
  private onStalled: () => void = () => undefined;
  private readonly pairs = new Set<Pair>();
  private isOpen = true;
  private isHolding = true;

  private constructor(
    private readonly listener: Server,
    private readonly options: GateOptions,
  ) {
    this.stalled = new Promise((resolve) => {
      this.onStalled = resolve;
    });
  }

  static async open(options: GateOptions): Promise<StallingGate> {
    const listener = createServer();
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const gate = new StallingGate(listener, options);
    listener.on('connection', (client) => gate.forward(client));
    return gate;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  /** Holds nothing back any more. */
  release(): void {
    this.isHolding = false;
    for (const { server } of this.pairs) server.resume();
  }

  /** The server dies: every connection breaks, and nobody answers any more. */
  cut(): void {
    this.isOpen = false;
    for (const { client, server } of this.pairs) for (const socket of [client, server]) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.listener.close();
    if (this.listener.listening) await once(this.listener, 'close');
  }

  private forward(client: Socket): void {
    if (!this.isOpen) {
      client.resetAndDestroy();
      return;
    }
    const { host, port, stallAfterBytes = Number.POSITIVE_INFINITY, rewrite = (chunk: Buffer) => chunk } = this.options;
    const server = connect({ host, port });
    const pair = { client, server };
    this.pairs.add(pair);
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        server.destroy();
        this.pairs.delete(pair);
      });
    }
    client.on('data', (chunk) => server.write(chunk));
    let bytes = 0;
    server.on('data', (chunk) => {
      bytes += chunk.length;
      client.write(rewrite(chunk));
      if (bytes < stallAfterBytes || !this.isHolding) return;
      server.pause();
      this.onStalled();
    });
  }
}
