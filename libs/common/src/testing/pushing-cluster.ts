import { chmod, chown, copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '#common/process/run-command.js';
import { root } from '#tools/check/root.js';
import { type ClusterOptions, ThrowawayCluster } from './throwaway-cluster.js';

const { signal } = new AbortController();

export interface WalClientAnswer {
  readonly status: number;
  readonly stderr: string;
}

/** A server that hands its WAL to the socket of an executor, as a machine is set up by the guide: a folder whose group is the server's. */
export class PushingCluster {
  private constructor(
    readonly cluster: ThrowawayCluster,
    readonly client: string,
    readonly socket: string,
  ) {}

  static async create(o: ClusterOptions = {}): Promise<PushingCluster> {
    const settings = { archive_mode: 'on', archive_command: '', ...o.settings };
    const cluster = await ThrowawayCluster.create({ segmentMegabytes: 1, ...o, settings });
    const pushing = await PushingCluster.around(cluster);
    await cluster.query('CREATE TABLE numbers (id int PRIMARY KEY, note text)');
    await pushing.begin();
    return pushing;
  }

  /** Places socket and client beside a server that is there. */
  static async around(cluster: ThrowawayCluster): Promise<PushingCluster> {
    const folder = join(cluster.folder, "o'clock run");
    await mkdir(folder);
    if (cluster.owner !== undefined) await chown(folder, process.getuid?.() ?? 0, cluster.owner.gid);
    await chmod(folder, 0o2750);
    const client = join(cluster.folder, 'holdfast-wal');
    await copyFile(join(root, 'apps/wal-client/holdfast-wal'), client);
    await chmod(client, 0o755);
    return new PushingCluster(cluster, client, join(folder, 'wal.sock'));
  }

  /** Sets `archive_command`. */
  async begin(): Promise<void> {
    await this.cluster.query('SELECT pg_reload_conf()');
    await this.set('archive_command', `${this.shellWords('push')} %p`);
  }

  async set(setting: string, value: string): Promise<void> {
    await this.cluster.query(`ALTER SYSTEM SET ${setting} = '${value.replaceAll("'", "''")}'`);
    await this.cluster.query('SELECT pg_reload_conf()');
  }

  /** For a command of the server's configuration. */
  shellWords(verb: string): string {
    const quoted = this.socket.replaceAll("'", `'\\''`);
    return `${this.client} --timeout 20 --socket '${quoted}' ${verb}`;
  }

  /** The client, as the server starts it. */
  async run(args: readonly string[], dataDirectory = this.cluster.dataDirectory): Promise<WalClientAnswer> {
    const script = '"$@" 2>&1 || echo "status $?"';
    const words = [this.client, '--timeout', '20', '--socket', this.socket, ...args];
    const command = {
      program: 'sh',
      args: ['-c', script, 'sh', ...words],
      cwd: dataDirectory,
      user: this.cluster.owner,
    };
    const { stdout } = await runCommand(command, { signal });
    const status = /status (\d+)\n$/.exec(stdout)?.[1];
    return { status: Number(status ?? 0), stderr: stdout.replace(/status \d+\n$/, '') };
  }

  /** Ends the segment that is being filled; returns its name. */
  async switchWal(): Promise<string> {
    // An empty one is not ended, and a server whose command has failed thrice wakes up for a new file.
    await this.cluster.query(`SELECT pg_create_restore_point('before the switch')`);
    const [row] = await this.cluster.query<{ name: string }>('SELECT pg_walfile_name(pg_switch_wal()) AS name');
    return row?.name ?? '';
  }

  /** Ends the segment that is being filled, and waits until the server counts it as archived. */
  async drain(limitMs = 30_000): Promise<string> {
    const name = await this.switchWal();
    await this.cluster.until(`(SELECT last_archived_wal >= '${name}' FROM pg_stat_archiver)`, limitMs);
    return name;
  }

  /** About so many megabytes of WAL. */
  fill(megabytes: number): Promise<unknown> {
    return this.cluster.query(
      `CREATE TABLE IF NOT EXISTS filler (id int, note text);
       INSERT INTO filler SELECT n, repeat('x', 900) FROM generate_series(1, ${megabytes * 1_000}) n`,
    );
  }

  remove(): Promise<void> {
    return this.cluster.remove();
  }
}
