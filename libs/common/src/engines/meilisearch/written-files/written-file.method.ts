import { access, constants, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { BackupMethod, BackupSession, MadeBackup, OpenOptions, OutputObject } from '#common/engines/engine.js';
import type { DocumentsFacts, WrittenFile } from '#common/engines/meilisearch/documents-facts.js';
import { MeilisearchClient, type TaskView } from '#common/engines/meilisearch/meilisearch-client.js';
import type { MeilisearchDataset } from '#common/engines/meilisearch/meilisearch-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { spawnChain } from '#common/process/spawn-chain.js';

type Kind = WrittenFile['kind'];

/** Clocks of a server and of its file system. */
const CLOCKS_MS = 2_000;
const TIDY_MS = 10_000;

/**
 * What a server writes when it is asked for a dump or a snapshot: all of it, of one moment, API keys and secrets of embedders too, so that only an
 * encrypted repository takes it. The executor reads it in the directory of the server.
 */
export class WrittenFileMethod implements BackupMethod<MeilisearchDataset, DocumentsFacts> {
  constructor(readonly name: Kind) {}

  /** Throws: meilisearch.secrets, meilisearch.directory, meilisearch.*; config.invalid; the abort reason. */
  async open(dataset: MeilisearchDataset, o: OpenOptions): Promise<BackupSession<DocumentsFacts>> {
    const directory = dataset.directories[this.name];
    if (directory === undefined)
      throw new AppError('config.invalid', `dataset "${dataset.name}" has no \`${this.name}Directory\` to read from`);
    if (o.sealing.form.encryption === 'none')
      throw new AppError('meilisearch.secrets', `a ${this.name} holds API keys, and the repository is not encrypted`);
    o.onStage?.('connect');
    const client = new MeilisearchClient(dataset.connection, o.signal);
    const version = await client.version();
    await assertReadable(directory);
    o.onStage?.('snapshot');
    const busPosition = (await o.readBusPosition?.({ signal: o.signal })) ?? null;
    const task = await follow(client, this.name, dataset);
    const file = await findFile(this.name, directory, task);
    return new WrittenFileSession({ kind: this.name, directory, file, task, version, busPosition, client, o });
  }

  byHand({ facts: { file, version } }: MadeBackup<DocumentsFacts>): readonly string[] {
    const name = file?.name ?? '';
    return [
      `# With Meilisearch ${version}${this.name === 'dump' ? ' or newer' : ' and no other version'}, on a folder without a database, and the master key that it had:`,
      `mv ${file?.object ?? ''} ${name}`,
      `meilisearch --import-${this.name} ${name}`,
    ];
  }
}

/** Until the task has ended; one that is given up is cancelled. Throws: meilisearch.task-failed, meilisearch.*; the abort reason. */
async function follow(client: MeilisearchClient, kind: Kind, { connection }: MeilisearchDataset): Promise<TaskView> {
  const asked = await client.writeFile(kind);
  try {
    return await client.done(asked);
  } catch (error) {
    await new MeilisearchClient(connection, AbortSignal.timeout(TIDY_MS)).cancel(asked.uid).catch(() => undefined);
    throw error;
  }
}

/** A server makes the directory with the first file. Throws: meilisearch.directory. */
export async function assertReadable(directory: string): Promise<void> {
  await access(directory, constants.R_OK | constants.X_OK).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return;
    throw new AppError('meilisearch.directory', `cannot read ${directory}: ${toText(cause.code)}`, { directory });
  });
}

/** A dump has the name that its task says, a snapshot that of the database. Throws: meilisearch.directory. */
async function findFile(kind: Kind, directory: string, { uid, startedAt, details }: TaskView): Promise<string> {
  const dumpUid = toText(details?.['dumpUid'] ?? '');
  const names =
    kind === 'dump'
      ? [`${dumpUid}.dump`]
      : (await readdir(directory).catch(() => [])).filter((each) => SNAPSHOT.test(each));
  const since = Date.parse(startedAt ?? '') - CLOCKS_MS;
  for (const name of names.filter((each) => NAME.test(each))) {
    const found = await stat(join(directory, name)).catch(() => undefined);
    if (found !== undefined && (kind === 'dump' || found.mtimeMs >= since)) return name;
  }
  throw new AppError('meilisearch.directory', `task ${uid} wrote a ${kind}, and ${directory} does not have it`, {
    directory,
  });
}

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*\.(dump|snapshot)$/;
const SNAPSHOT = /\.snapshot$/;

interface SessionParts {
  readonly kind: Kind;
  readonly directory: string;
  readonly file: string;
  readonly task: TaskView;
  readonly version: string;
  readonly busPosition: BusPosition | null;
  readonly client: MeilisearchClient;
  readonly o: OpenOptions;
}

class WrittenFileSession implements BackupSession<DocumentsFacts> {
  readonly busPosition: BusPosition | null;
  readonly tools = {};
  private sizeBytes = 0;

  constructor(private readonly d: SessionParts) {
    this.busPosition = d.busPosition;
  }

  /** Throws: meilisearch.directory where another file took its place meanwhile; engine.*. */
  async *objects(): AsyncGenerator<OutputObject> {
    const { kind, directory, file, o } = this.d;
    const path = join(directory, file);
    const before = await stat(path);
    this.sizeBytes = before.size;
    const chain = spawnChain([{ program: 'cat', args: [path] }, ...o.sealing.tail()], { signal: o.signal });
    yield { name: toObject(kind), stage: 'file', stream: chain.stdout };
    await chain.ended;
    const after = await stat(path);
    if (after.ino === before.ino && after.mtimeMs === before.mtimeMs && after.size === before.size) return;
    throw new AppError('meilisearch.changing', `${path} was replaced while it was read: another snapshot was taken`);
  }

  async facts(): Promise<DocumentsFacts> {
    const { kind, file: name, task, version, client } = this.d;
    const indexes = await client.listCounts();
    return {
      ...{ takenAt: task.startedAt ?? task.enqueuedAt, version, indexes: [], keys: null, webhooks: null },
      file: { kind, name, object: toObject(kind), sizeBytes: this.sizeBytes, task: task.uid, indexes },
    };
  }

  /** A dump was written for this backup alone; a snapshot is the server's own, and the next one replaces it. */
  async close(): Promise<void> {
    const { kind, directory, file } = this.d;
    if (kind === 'dump') await rm(join(directory, file), { force: true }).catch(() => undefined);
  }
}

const toObject = (kind: Kind): string => `search.${kind}`;
