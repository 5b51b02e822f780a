import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type ListenOptions, type Server, type Socket } from 'node:net';

export interface TcpGateAddress {
  readonly host: string;
  readonly port: number;
}

/** Both ends of one connection through a gate: the gate is between them. */
export interface Ends {
  readonly client: Socket;
  readonly server: Socket;
}

/** Lets the bytes of one connection pass, and ends each end after the other. */
export type Wire = (ends: Ends) => void;

export interface TcpGateOptions {
  /** Default: any port of 127.0.0.1. */
  readonly at?: ListenOptions;
  /** Default: bytes pass as they come, save for a request that the spec cuts. */
  readonly wire?: Wire;
}

interface Cut {
  readonly bytes: Buffer;
  readonly isForwarded: boolean;
  readonly onCut: () => void;
}

/**
 * A TCP proxy in front of a server. A spec shuts it, cuts one request, or brings a wire of its own. The port stays taken while the gate
 * is shut: the gate resets each new connection.
 */
export class TcpGate {
  private readonly sockets = new Set<Socket>();
  private cut: Cut | undefined;
  private isShut = false;

  private constructor(
    private readonly listener: Server,
    private readonly to: TcpGateAddress,
    private readonly wire: Wire | undefined,
  ) {}

  static async open(
    to: TcpGateAddress,
    { at = { host: '127.0.0.1', port: 0 }, wire }: TcpGateOptions = {},
  ): Promise<TcpGate> {
    const listener = createServer().listen(at);
    await once(listener, 'listening');
    const gate = new TcpGate(listener, to, wire);
    listener.on('connection', (client) => gate.forward(client));
    return gate;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  /** The same URL through the gate. */
  rewrite(url: string): string {
    return Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(this.port) }).href;
  }

  /** The server is gone: every connection breaks, and no new one comes about until `reopen`. */
  shut(): void {
    this.isShut = true;
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  reopen(): void {
    this.isShut = false;
  }

  /** The next request that holds the text reaches the server, but no answer comes back. */
  cutAfterRequest(text: string): void {
    this.cut = { bytes: Buffer.from(text), isForwarded: true, onCut: () => undefined };
  }

  /** The next request that holds the text does not reach the server. */
  cutBeforeRequest(text: string, onCut = (): void => undefined): void {
    this.cut = { bytes: Buffer.from(text), isForwarded: false, onCut };
  }

  /** Whether the request that was to be cut is still to come: a fault that never happened proves nothing. */
  get isCutPending(): boolean {
    return this.cut !== undefined;
  }

  async close(): Promise<void> {
    this.isShut = true;
    for (const socket of this.sockets) socket.destroy();
    if (!this.listener.listening) return;
    this.listener.close();
    await once(this.listener, 'close');
  }

  private forward(client: Socket): void {
    if (this.isShut) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.to);
    for (const socket of [client, server]) {
      // Statements come in small pieces: held back for company, as TCP does by default, each would take 40 ms.
      socket.setNoDelay(true);
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
    }
    if (this.wire === undefined) this.passThrough({ client, server });
    else this.wire({ client, server });
  }

  private passThrough({ client, server }: Ends): void {
    client.on('data', (chunk) => this.passRequest(chunk, { client, server }));
    server.on('data', (chunk) => client.write(chunk));
    client.on('close', () => server.end());
    server.on('close', () => client.destroy());
  }

  private passRequest(chunk: Buffer, { client, server }: Ends): void {
    if (this.cut === undefined || !chunk.includes(this.cut.bytes)) {
      server.write(chunk);
      return;
    }
    const { isForwarded, onCut } = this.cut;
    this.cut = undefined;
    client.resetAndDestroy();
    if (isForwarded) server.end(chunk);
    else server.destroy();
    onCut();
  }
}
