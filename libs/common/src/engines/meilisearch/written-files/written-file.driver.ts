import { access, constants, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  AttemptIdentity,
  FenceOptions,
  RestoreDriver,
  RestoreOrder,
  RestorePlan,
  RestoreQuestion,
  RestoreWork,
  StateOf,
  Swept,
} from '#common/engines/engine.js';
import { type FencePlace, FileFence, releaseFence } from '#common/engines/file-fence.js';
import type { Findings } from '#common/engines/findings.js';
import type { DocumentsFacts, WrittenFile } from '#common/engines/meilisearch/documents-facts.js';
import type { MeilisearchTarget } from '#common/engines/meilisearch/meilisearch-dataset.js';
import { copyDurably, openStage, sweepStages } from '#common/engines/staged-files.js';
import { AppError, toProblem } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';

type Question = RestoreQuestion<MeilisearchTarget, DocumentsFacts>;
type Order = RestoreOrder<MeilisearchTarget, DocumentsFacts>;

export interface WrittenFilePlan extends RestorePlan {
  /** Where the file comes to lie. */
  readonly path: string;
  readonly indexes: readonly string[];
}

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** Puts a dump or a snapshot where a server finds it that starts with an empty database: no running one takes it. */
export class WrittenFileDriver implements RestoreDriver<MeilisearchTarget, DocumentsFacts, WrittenFilePlan, FileFence> {
  readonly strategies = ['files'];
  readonly findings = { nextSteps: 'to do' };

  constructor(readonly method: WrittenFile['kind']) {}

  /** Throws: backup.corrupt. */
  async plan({ target, destination, strategy, manifest }: Question): Promise<WrittenFilePlan> {
    const { name, indexes } = fileOf(manifest.snapshot);
    const path = join(target.directory ?? '', name);
    const problem = await findObstacle(target, path);
    return {
      ...{ target: target.name, destination, strategy, path, exists: problem?.context['exists'] === true },
      indexes: indexes.map((each) => `${each.name}, ${each.documents} documents`),
      refusals: problem === undefined ? [] : [toProblem(problem)],
    };
  }

  describe({ path, indexes }: WrittenFilePlan): Record<string, string | readonly string[]> {
    return { file: path, 'indexes in it': indexes };
  }

  fence({ target, identity }: Order, o: FenceOptions): Promise<FileFence> {
    return FileFence.open(placeOf(target), identity, o);
  }

  /** It was remembered after the last step. */
  async isDone(): Promise<boolean> {
    return true;
  }

  /** Throws: meilisearch.directory, backup.corrupt, claim.lost; the abort reason. */
  async apply(order: Order, work: RestoreWork<WrittenFilePlan, FileFence>, signal: AbortSignal): Promise<void> {
    const { target, identity, manifest } = order;
    const { material, plan, fence, remember } = work;
    const { object, name, kind } = fileOf(manifest.snapshot);
    const stage = await openStage(target.directory ?? '', identity);
    await copyDurably(await material.spool(object), join(stage, name));
    signal.throwIfAborted();
    await fence.assertHeld();
    const which = kind === 'dump' ? 'or newer' : 'and no other version';
    const start = `start Meilisearch ${manifest.snapshot.version} ${which} on a folder without a database: meilisearch --import-${kind} ${plan.path}`;
    await remember({ findings: { nextSteps: [`let the user of the server own ${plan.path}`, start] } });
    await rename(join(stage, name), plan.path);
    await rm(stage, { recursive: true, force: true });
    await remember({ doneMark: identity.runId });
  }

  remarks(): Findings {
    return {};
  }

  async end(target: MeilisearchTarget, identity: AttemptIdentity): Promise<void> {
    await releaseFence(placeOf(target)?.file, identity);
  }

  async sweep({ directory }: MeilisearchTarget, stateOf: StateOf): Promise<Swept> {
    const isOver = async (runId: string) => (await stateOf(runId)) === 'over';
    const removed = directory === undefined ? [] : await sweepStages(directory, isOver);
    return { ended: [], removed: [...removed], failed: [] };
  }
}

const placeOf = ({ directory }: MeilisearchTarget): FencePlace | undefined =>
  directory === undefined
    ? undefined
    : { file: join(directory, '.holdfast-restore.lock'), code: 'meilisearch.directory' };

/** Its name becomes part of a path. Throws: backup.corrupt. */
function fileOf({ file }: DocumentsFacts): WrittenFile {
  if (file !== undefined && NAME.test(file.name)) return file;
  throw new AppError('backup.corrupt', 'the facts name no file of the backup');
}

async function findObstacle({ directory, name }: MeilisearchTarget, path: string): Promise<AppError | undefined> {
  const refuse = (message: string, context: { readonly exists?: true } = {}): AppError =>
    new AppError('meilisearch.directory', message, { ...context, directory });
  if (directory === undefined) return refuse(`target "${name}" names no directory for files`);
  try {
    await access(directory, constants.W_OK);
  } catch (error) {
    return refuse(`cannot write to ${directory}: ${toText((error as NodeJS.ErrnoException).code)}`);
  }
  const isThere = (await stat(path).catch(() => undefined)) !== undefined;
  return isThere ? refuse(`${path} is there already`, { exists: true }) : undefined;
}
