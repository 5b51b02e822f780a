import type { MeilisearchClient, TaskView } from '#common/engines/meilisearch/meilisearch-client.js';

/** The server keeps what waits on its disk. */
const MAX_WAITING = 4;

/** Documents on their way into one index: some requests wait at the server while it works on those before. */
export class DocumentsQueue {
  private readonly waiting: TaskView[] = [];

  constructor(
    private readonly client: MeilisearchClient,
    private readonly uid: string,
  ) {}

  /** `lines`: a document each. Throws: meilisearch.*, also of what was added before. */
  async add(lines: string): Promise<void> {
    this.waiting.push(await this.client.addDocuments(this.uid, lines));
    if (this.waiting.length >= MAX_WAITING) await this.client.done(this.waiting.shift() as TaskView);
  }

  /** When all of them are in the index. Throws: meilisearch.*. */
  async end(): Promise<void> {
    for (const task of this.waiting.splice(0)) await this.client.done(task);
  }
}
