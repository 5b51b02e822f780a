import { type Ends, TcpGate } from '#common/testing/tcp-gate.js';

export interface GateOptions {
  readonly host: string;
  readonly port: number;
  /** Of what the server says to one client: what comes after it is held back. */
  readonly stallAfterBytes?: number;
  /** Looks at everything that the server says, and may say something of the same length instead. */
  readonly rewrite?: (chunk: Buffer) => Buffer;
}

/** A gate that holds long answers at a chosen byte: what happens in the middle can then happen at leisure. */
export class StallingGate {
  /** Resolves when the first client waits for more. */
  readonly stalled: Promise<void>;
  private readonly onStalled: () => void;
  private readonly connections = new Set<Ends>();
  private isHolding = true;
  private gate: TcpGate | undefined;

  private constructor(private readonly options: GateOptions) {
    ({ promise: this.stalled, resolve: this.onStalled } = Promise.withResolvers<void>());
  }

  static async open(options: GateOptions): Promise<StallingGate> {
    const stalling = new StallingGate(options);
    stalling.gate = await TcpGate.open(options, { wire: (ends) => stalling.pass(ends) });
    return stalling;
  }

  get port(): number {
    return this.gate?.port ?? 0;
  }

  /** Holds nothing back any more. */
  release(): void {
    this.isHolding = false;
    for (const { server } of this.connections) server.resume();
  }

  /** The server dies: every connection breaks, and no new one comes about. */
  cut(): void {
    this.gate?.shut();
  }

  async close(): Promise<void> {
    await this.gate?.close();
  }

  private pass({ client, server }: Ends): void {
    const { stallAfterBytes = Number.POSITIVE_INFINITY, rewrite = (chunk: Buffer) => chunk } = this.options;
    const ends = { client, server };
    this.connections.add(ends);
    const end = (): void => {
      client.destroy();
      server.destroy();
      this.connections.delete(ends);
    };
    client.on('close', end);
    server.on('close', end);
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
