import { randomBytes } from 'node:crypto';
import { appendFile, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lsn } from '#common/domain/lsn.js';
import { PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { type PgConnection, parsePgUrl } from '#common/pg/connection.js';
import type { SystemUser } from '#common/process/command.js';
import { runCommand } from '#common/process/run-command.js';
import { endpoints } from '#tools/services/endpoints.js';
import { findServiceUser, toReachablePath } from '#tools/services/home.js';
import { toConf } from '#tools/services/postgres-cluster.js';
import { findFreePort } from './free-port.js';

const { signal } = new AbortController();

export interface ClusterOptions {
  readonly server?: 'postgres18' | 'postgres15';
  /** Of one WAL segment. */
  readonly segmentMegabytes?: 1 | 16 | 64;
  readonly settings?: Readonly<Record<string, string>>;
}

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '32MB',
  wal_level: 'replica',
  max_wal_senders: '10',
  max_replication_slots: '10',
  // Lost with the machine, not with a killed server: no spec pulls the plug.
  fsync: 'off',
  timezone: 'UTC',
  log_line_prefix: '%m [%p] %q%u@%d %a ',
};

/** A PostgreSQL server of one spec: its specs may promote it, fill its WAL, kill it. */
export class ThrowawayCluster {
  readonly user = 'postgres';

  private constructor(
    readonly folder: string,
    readonly port: number,
    private readonly o: {
      readonly binDir: string;
      readonly owner: SystemUser | undefined;
      readonly password: string;
    },
  ) {}

  get binDir(): string {
    return this.o.binDir;
  }

  get owner(): SystemUser | undefined {
    return this.o.owner;
  }

  get password(): string {
    return this.o.password;
  }

  static async create(o: ClusterOptions = {}): Promise<ThrowawayCluster> {
    const cluster = await ThrowawayCluster.place(o.server);
    await cluster.initialise(o);
    await cluster.start();
    return cluster;
  }

  static async place(server: ClusterOptions['server'] = 'postgres18'): Promise<ThrowawayCluster> {
    const owner = await findServiceUser();
    const folder = await makeFolder(owner);
    const binDir = await toReachablePath(endpoints[server].binDir);
    const password = randomBytes(8).toString('hex');
    return new ThrowawayCluster(folder, await findFreePort(), { binDir, owner, password });
  }

  /** Room for a copy of this cluster, with its users and passwords. */
  async placeCopy(): Promise<ThrowawayCluster> {
    return new ThrowawayCluster(await makeFolder(this.owner), await findFreePort(), this.o);
  }

  get dataDirectory(): string {
    return join(this.folder, 'data');
  }

  get connection(): PgConnection {
    return parsePgUrl(`postgres://${this.user}:${this.password}@127.0.0.1:${this.port}/postgres`);
  }

  dataset(changes: Partial<PostgresDataset> = {}): PostgresDataset {
    return {
      ...{ name: 'shop', connection: this.connection, toolDirectories: [this.binDir] },
      ...{ fingerprintTables: [], exactCountLimit: 1_000, migrationHeadQuery: undefined, tenantTables: undefined },
      ...{ compression: { level: 1, threads: 1 } },
      ...changes,
    };
  }

  open(): Promise<PgSession> {
    return PgSession.open(this.connection, { signal, applicationName: 'holdfast spec' });
  }

  query<Row extends object>(statement: string, values: readonly unknown[] = []): Promise<Row[]> {
    return withPgSession(this.connection, { signal, applicationName: 'holdfast spec' }, (session) =>
      session.query<Row>(statement, values),
    );
  }

  /** Up to where everything is durable. */
  async lsn(): Promise<Lsn> {
    const [row] = await this.query<{ lsn: Lsn }>('SELECT pg_current_wal_flush_lsn()::text AS lsn');
    return row?.lsn as Lsn;
  }

  async start(): Promise<void> {
    const log = join(this.folder, 'log');
    const args = ['start', '--wait', '--silent', `--pgdata=${this.dataDirectory}`, `--log=${log}`];
    await this.run('pg_ctl', args).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${(await readFile(log, 'utf8')).slice(-2_000)}`, { cause: error });
    });
  }

  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.run('pg_ctl', ['stop', '--silent', `--mode=${mode}`, `--pgdata=${this.dataDirectory}`]);
  }

  async promote(): Promise<void> {
    await this.run('pg_ctl', ['promote', '--wait', '--silent', `--pgdata=${this.dataDirectory}`]);
  }

  /** A hot standby that streams from this server. */
  createStandby(): Promise<ThrowawayCluster> {
    return this.copy(['--write-recovery-conf']);
  }

  /** Another server that believes to be this one, on the same timeline. */
  createCopy(): Promise<ThrowawayCluster> {
    return this.copy([]);
  }

  private async copy(options: readonly string[]): Promise<ThrowawayCluster> {
    const copy = await this.placeCopy();
    const { user, password, port } = this;
    const source = `host=127.0.0.1 port=${port} user=${user} password=${password}`;
    const args = ['--checkpoint=fast', `--pgdata=${copy.dataDirectory}`, `--dbname=${source}`];
    await this.run('pg_basebackup', [...options, ...args]);
    await copy.configure({});
    await copy.start();
    return copy;
  }

  /** Where a tablespace may lie. */
  async createFolder(name: string): Promise<string> {
    const folder = join(this.folder, name);
    await mkdir(folder, { mode: 0o700 });
    await this.own(folder);
    return folder;
  }

  /** Gives everything to the user that the server runs as. */
  async own(folder = this.folder): Promise<void> {
    if (this.owner === undefined) return;
    const { uid, gid } = this.owner;
    const args = ['--recursive', '--no-dereference', `${uid}:${gid}`, folder];
    await runCommand({ program: 'chown', args }, { signal });
  }

  /** Takes effect at the next start. */
  configure(settings: Readonly<Record<string, string>>): Promise<void> {
    return this.write('spec.conf', toConf({ ...SETTINGS, port: String(this.port), ...settings }));
  }

  /** Waits until the query answers true. */
  async until(condition: string, limitMs = 20_000): Promise<void> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const [row] = await this.query<{ ok: boolean }>(`SELECT (${condition}) AS ok`);
      if (row?.ok) return;
      if (performance.now() > deadline) {
        const log = await readFile(join(this.folder, 'log'), 'utf8');
        throw new Error(`it did not become true within ${limitMs} ms: ${condition}\n${log.slice(-2_000)}`);
      }
      await sleep(50);
    }
  }

  async remove(): Promise<void> {
    await this.stop('immediate').catch(() => undefined);
    await rm(this.folder, { recursive: true, force: true });
  }

  private async initialise({ segmentMegabytes = 16, settings = {} }: ClusterOptions): Promise<void> {
    const passwordFile = join(this.folder, 'password');
    await writeFile(passwordFile, `${this.password}\n`);
    const args = [`--pgdata=${this.dataDirectory}`, `--username=${this.user}`, `--pwfile=${passwordFile}`];
    const form = ['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--data-checksums', '--no-sync'];
    await this.run('initdb', [...args, ...form, `--wal-segsize=${segmentMegabytes}`]);
    await appendFile(join(this.dataDirectory, 'postgresql.conf'), `include = 'spec.conf'\n`);
    await this.configure(settings);
  }

  private async write(name: string, text: string): Promise<void> {
    const file = join(this.dataDirectory, name);
    await writeFile(file, text, { mode: 0o600 });
    if (this.owner !== undefined) await chown(file, this.owner.uid, this.owner.gid);
  }

  /** One of PostgreSQL's programs, as the user that the server runs as. */
  async run(name: string, args: readonly string[]): Promise<string> {
    const command = { program: join(this.binDir, name), args, cwd: this.folder, user: this.owner };
    return (await runCommand(command, { signal })).stdout;
  }
}

async function makeFolder(owner: SystemUser | undefined): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-cluster-'));
  if (owner !== undefined) await chown(folder, owner.uid, owner.gid);
  return folder;
}
