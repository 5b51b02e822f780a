import { Exit } from '#common/errors/exit.js';
import { toListedView } from '#common/service/views/list-stored.js';
import { backupArgument, locateBackup, methodOption, withMethod } from '../backup-ref.js';
import { toLastVerdictText, toMarkTexts, toStateText } from '../output/condition-text.js';
import { toWarningLines } from '../output/restore-notes.js';
import { toCounts, toSize } from '../output/sizes.js';
import { toFields } from '../output/table.js';
import type { Verb } from '../verb.js';

export const backupShow: Verb = {
  path: ['backup', 'show'],
  summary: 'show one backup as its manifest tells it, its state, and the commands that restore it by hand',
  argument: backupArgument,
  options: [methodOption],
  examples: ['backup show shop@latest', 'backup show 01987654-3210-7fff-bfff-ffffffffffff --json'],
  async run(context, options, reference) {
    const { repository, ...found } = await locateBackup(withMethod(reference, options), context);
    const { manifest } = found;
    const view = await toListedView(repository, found, { signal: context.signal });
    const { state, damage, lastVerdict, verifiedAt, holds, deletion } = view;
    const fields = toFields({
      backup: manifest.backupId,
      state: toStateText(view),
      'last verdict': toLastVerdictText(lastVerdict),
      'restore proven': verifiedAt ?? 'never',
      marks: toMarkTexts(view).join('; ') || 'none',
      dataset: `${manifest.dataset}, ${manifest.method} of ${manifest.source}`,
      snapshot: manifest.snapshotAt,
      counts: toCounts(manifest.counts),
      encrypted: manifest.recipients.length === 0 ? 'no' : `for ${manifest.recipients.join(', ')}`,
      'on the bus': manifest.busPosition?.state ?? 'no topics configured',
    });
    const objects = manifest.objects.map(
      ({ key, sizeBytes, sha256 }) => `  ${toSize(sizeBytes).padStart(10)}  ${sha256}  ${key}`,
    );
    const text = [
      fields,
      ...toWarningLines(manifest.warnings),
      '',
      'objects',
      ...objects,
      '',
      'restore by hand',
      ...manifest.restoreByHand.map((line) => `  ${line}`),
    ].join('\n');
    const document = { ...manifest, state, damage, lastVerdict, verifiedAt, holds, deletion };
    return { document, text, exit: Exit.done };
  },
};
