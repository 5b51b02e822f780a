import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface Cut {
  readonly bytes: Buffer;
  readonly isForwarded: boolean;
  readonly onCut: () => void;
}

/** A TCP proxy that can be shut: connections break, new ones are refused, until it is opened again on the same port. */
export class TcpGate {
  private readonly sockets = new Set<Socket>();
  private cut: Cut | undefined;
  private isShut = false;

  private constructor(
    private server: Server,
    private readonly to: { readonly host: string; readonly port: number },
    readonly port: number,
  ) {}

  static async open(to: { readonly host: string; readonly port: number }): Promise<TcpGate> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const gate = new TcpGate(server, to, (server.address() as AddressInfo).port);
    server.on('connection', (socket) => gate.forward(socket));
    return gate;
  }

  /** The same URL through the gate. */
  rewrite(url: string): string {
    return Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(this.port) }).href;
  }

  shut(): void {
    this.isShut = true;
    this.server.close();
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  reopen(): void {
    this.isShut = false;
    this.server = createServer((socket) => this.forward(socket));
    this.server.listen(this.port, '127.0.0.1');
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
    for (const socket of this.sockets) socket.destroy();
    // One that is only about to listen cannot be closed, and would then listen for ever.
    if (!this.isShut && !this.server.listening) await once(this.server, 'listening');
    this.server.close();
    if (this.server.listening) await once(this.server, 'close');
  }

  private forward(inner: Socket): void {
    const outer = connect(this.to);
    for (const socket of [inner, outer]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
    }
    inner.on('data', (chunk) => this.pass(chunk, inner, outer));
    outer.on('data', (chunk) => inner.write(chunk));
    inner.on('close', () => outer.end());
    outer.on('close', () => inner.destroy());
  }

  private pass(chunk: Buffer, inner: Socket, outer: Socket): void {
    if (this.cut === undefined || !chunk.includes(this.cut.bytes)) {
      outer.write(chunk);
      return;
    }
    const { isForwarded, onCut } = this.cut;
    this.cut = undefined;
    inner.resetAndDestroy();
    if (isForwarded) outer.end(chunk);
    else outer.destroy();
    onCut();
  }
}
