import type { Catalog } from '#common/catalog/catalog.js';
import { checkBackup } from '#common/operations/check-backup.js';
import type { VerificationResult } from '#common/operations/keep-verdict.js';
import { keepProof } from '#common/service/keep-standing.js';
import { backupArgument, type LocatedManifest, locateBackup, methodOption, withMethod } from '../backup-ref.js';
import { withCatalogAtHand } from '../local/catalog-at-hand.js';
import { eventWriterOf } from '../local/event-writer-of.js';
import { newLocalId, UNHELD } from '../local/local-identity.js';
import { flag } from '../options.js';
import { toVerdictResult } from '../output/verdict-text.js';
import type { Verb, VerbContext } from '../verb.js';

export const backupCheck: Verb = {
  path: ['backup', 'check'],
  summary: 'read every object of a backup again and compare it with the manifest; exits 0 only when all are right',
  argument: backupArgument,
  options: [
    methodOption,
    ['--local', 'keep the verdict beside the backup alone; schedulers enter it into the catalog later'],
  ],
  examples: ['backup check shop@latest', 'backup check 01987654-3210-7fff-bfff-ffffffffffff --local --json'],
  async run(context, options, reference) {
    const located = await locateBackup(withMethod(reference, options), context);
    const withoutIt = 'without the catalog: the verdict is kept beside the backup alone';
    const wish = { isLocal: flag(options, 'local'), mustFollow: false, withoutIt };
    const result = await withCatalogAtHand(wish, context, (catalog) => check(located, catalog, context));
    const { verdict, verdictKey, outcomes } = result;
    const shown = toVerdictResult({ verdict, verdictKey, probes: outcomes });
    const document = { ...(shown.document as object), backupId: located.backupId, dataset: located.dataset };
    const text = `${shown.text}\nthe sums of backup ${located.backupId} of ${located.dataset} alone: no restore was proven`;
    return { ...shown, document, text };
  },
};

async function check(
  { manifest, repository }: LocatedManifest,
  catalog: Catalog | undefined,
  { installation, output, signal }: VerbContext,
): Promise<VerificationResult> {
  const { dataset, backupId, attemptKey } = manifest;
  const runId = newLocalId();
  const startedAt = performance.now();
  output.progress(`check ${backupId}`, null, performance.now() - startedAt);
  const result = await checkBackup(
    { manifest, runId },
    {
      ...{ repository, now: () => new Date(), signingKey: installation.signingKey },
      onUnheld: ({ message }) => output.note(`${UNHELD}: ${message}`),
      onUnkept: ({ message }) => output.note(`the verdict is not kept beside the backup: ${message}`),
    },
    signal,
  );
  const events = eventWriterOf(installation);
  const judged = { runId, provenAt: result.completedAt, verdict: result.verdict, probes: result.outcomes };
  const proof = { dataset, backupId, attemptKey, repository: repository.name, foundBy: 'check' as const, judged };
  await catalog?.transaction((tx) => keepProof(tx, proof, events));
  return result;
}
