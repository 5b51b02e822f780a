import { Readable } from 'node:stream';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { JsonObject } from '#common/domain/json.js';
import type { BackupMethod, BackupSession, MadeBackup, OpenOptions, OutputObject } from '#common/engines/engine.js';
import type { DocumentsFacts, KeyFacts } from '#common/engines/meilisearch/documents-facts.js';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import type { MeilisearchDataset } from '#common/engines/meilisearch/meilisearch-dataset.js';
import { loadIndexes } from '#common/engines/meilisearch/pick-indexes.js';
import { toText } from '#common/errors/printable.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import type { Sealing } from '#common/sealing/sealing.js';
import { IndexReading } from './index-reading.js';

/** Settings and documents over the API: portable between servers and versions. Each index is of one moment, by itself. */
export const documentsMethod: BackupMethod<MeilisearchDataset, DocumentsFacts> = {
  name: 'documents',

  /** Throws: meilisearch.*. */
  async open(dataset: MeilisearchDataset, o: OpenOptions): Promise<DocumentsOutput> {
    o.onStage?.('connect');
    const client = new MeilisearchClient(dataset.connection, o.signal);
    const version = await client.version();
    const indexes = await loadIndexes(client, dataset);
    o.onStage?.('snapshot');
    const busPosition = (await o.readBusPosition?.({ signal: o.signal })) ?? null;
    const takenAt = new Date().toISOString();
    const keys = (await client.listIfAllowed('keys'))?.map(toKeyFacts) ?? null;
    const webhooks = (await client.listIfAllowed('webhooks'))?.map(toWebhookFacts) ?? null;
    const readings = indexes.map(
      (index, at) => new IndexReading(client, index, `${String(at).padStart(5, '0')}.ndjson`, o.signal),
    );
    return new DocumentsOutput({ takenAt, version, keys, webhooks }, readings, { ...o, busPosition });
  },

  byHand: (_made: MadeBackup<DocumentsFacts>): readonly string[] => BY_HAND,
};

interface OutputOptions {
  readonly busPosition: BusPosition | null;
  readonly sealing: Sealing;
  readonly signal: AbortSignal;
}

class DocumentsOutput implements BackupSession<DocumentsFacts> {
  readonly tools = {};

  constructor(
    private readonly known: Omit<DocumentsFacts, 'indexes'>,
    private readonly readings: readonly IndexReading[],
    private readonly o: OutputOptions,
  ) {}

  get busPosition(): BusPosition | null {
    return this.o.busPosition;
  }

  async *objects(): AsyncGenerator<OutputObject> {
    const { sealing, signal } = this.o;
    for (const reading of this.readings) {
      const input = Readable.from(reading.lines(), { objectMode: false });
      const chain = spawnChain(sealing.tail(), { signal, input });
      yield { name: reading.object, stage: 'documents', stream: chain.stdout };
      await chain.ended;
    }
  }

  async facts(): Promise<DocumentsFacts> {
    return { ...this.known, indexes: this.readings.map(({ facts }) => facts) };
  }

  async close(): Promise<void> {}
}

const toKeyFacts = ({ uid, name, actions, indexes, expiresAt }: JsonObject): KeyFacts => ({
  ...{ uid: toText(uid), name: name as string | null, actions: actions as string[], indexes: indexes as string[] },
  expiresAt: expiresAt as string | null,
});

const toWebhookFacts = ({ uuid, url }: JsonObject) => ({
  uuid: toText(uuid),
  origin: URL.parse(toText(url))?.origin ?? 'unreadable',
});

/** Of an object that holds several readings the last one counts. No key stands in a command's arguments. */
const BY_HAND: readonly string[] = [
  '# MEILI_URL (http://host:7700) and MEILI_KEY (its master key) name the server. Each file holds an index, which must not be there yet.',
  '# Secrets of embedders are in no backup: set them afterwards, in the settings of the index.',
  `(umask 077; printf 'header = "Authorization: Bearer %s"\\nfail\\nsilent\\nshow-error\\n' "$MEILI_KEY" > curl.conf)`,
  'for file in [0-9]*.ndjson; do',
  `  begin=$(grep -n '^\\[' "$file" | tail -n 1 | cut -d : -f 1)`,
  '  tail -n +"$begin" "$file" | sed -n 1p > index.json',
  `  name=$(jq -r '.[1]' index.json)`,
  `  jq '{uid: .[1], primaryKey: .[2]}' index.json | curl -K curl.conf -H 'Content-Type: application/json' --data-binary @- "$MEILI_URL/indexes"; echo`,
  `  jq '.[3]' index.json | curl -K curl.conf -X PATCH -H 'Content-Type: application/json' --data-binary @- "$MEILI_URL/indexes/$name/settings"; echo`,
  `  tail -n +$((begin + 1)) "$file" | split -C 32M --filter='curl -K curl.conf -H "Content-Type: application/x-ndjson" --data-binary @- "$MEILI_URL/indexes/'"$name"'/documents"; echo' -`,
  'done',
  'rm curl.conf',
  '# The server works on what it was sent; each task has to end as succeeded: curl "$MEILI_URL/tasks?statuses=enqueued,processing,failed"',
];
