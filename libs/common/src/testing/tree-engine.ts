import { Readable } from 'node:stream';
import { z } from 'zod';
import type { InventoryEntry } from '#common/contracts/shared-ref.js';
import type { ProtectedDataset } from '#common/engines/engine.js';
import type { SharedObjects } from '#common/engines/shared-objects.js';
import type { TakeBackupDeps } from '#common/operations/take-backup.js';

/** Files by key, as in a bucket. */
export interface Tree extends ProtectedDataset {
  readonly files: Readonly<Record<string, { readonly version: string; readonly content: Uint8Array }>>;
  /** Listed as it is, though its content was never put. */
  readonly strange?: InventoryEntry;
  /** Called when everything is put and listed, before the backup is made of it. */
  readonly onListed?: () => Promise<void>;
}

const TreeFacts = z.object({ read: z.number(), kept: z.number() });
export type TreeFacts = z.infer<typeof TreeFacts>;

export const treeOf = (files: Readonly<Record<string, string>>, changed: Partial<Tree> = {}): Tree => ({
  ...{ name: 'media', compression: { level: 1, threads: 1 } },
  files: Object.fromEntries(
    Object.entries(files).map(([key, text]) => [key, { version: text.slice(0, 20), content: Buffer.from(text) }]),
  ),
  ...changed,
});

/** A kind of dataset whose backups share content: what has the version that the inventory of the parent knows is not read again. */
export const treeEngine: TakeBackupDeps<Tree, TreeFacts>['engine'] = {
  kind: 'tree',
  facts: TreeFacts,
  methods: [
    {
      name: 'dump',
      sharesContent: true,
      byHand: () => [],
      open: async (tree, o) => {
        const counts = { read: 0, kept: 0 };
        return {
          ...{ busPosition: null, tools: {}, close: async () => undefined, facts: async () => counts },
          // biome-ignore lint/correctness/useYield: all that it has are inventory and shared objects.
          async *objects() {
            if (o.shared === undefined) throw new Error('nothing is shared here');
            const shared = await o.shared();
            await copy(tree, shared, counts);
            if (tree.strange !== undefined) shared.list(tree.strange);
            await tree.onListed?.();
          },
        };
      },
    },
  ],
  summarise: ({ read, kept }) => ({
    ...{ snapshotAt: '2026-11-21T10:00:00.000Z', source: 'a tree', sourceSizeBytes: 0 },
    ...{ counts: { read, kept }, warnings: [] },
  }),
};

async function copy({ files }: Tree, shared: SharedObjects, counts: TreeFacts): Promise<void> {
  const before = new Map<string, InventoryEntry>();
  for await (const entry of shared.parent?.inventory() ?? []) before.set(entry.key, entry);
  const copying = Object.entries(files).map(async ([key, { version, content }]) => {
    const earlier = before.get(key);
    if (earlier?.['version'] === version) {
      counts.kept += 1;
      return shared.list(earlier);
    }
    counts.read += 1;
    shared.list({ key, version, content: await shared.put(async () => Readable.from([content])) });
  });
  await Promise.all(copying);
}
