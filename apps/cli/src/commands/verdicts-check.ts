import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { toText } from '#common/errors/printable.js';
import { type CheckedChain, checkChain, readStoredVerdicts } from '#common/operations/verdict-chain.js';
import { readPublicKey, toPublicKey } from '#common/sealing/signature.js';
import type { Installation } from '#common/service/installation.js';
import { backupArgument, locateBackup, methodOption, withMethod } from '../backup-ref.js';
import { text } from '../options.js';
import type { Verb } from '../verb.js';

export const verdictsCheck: Verb = {
  path: ['verdicts', 'check'],
  summary:
    'check that the verdicts beside a backup are as they were written, that none is gone from between them, and who signed them; from the repository alone',
  argument: backupArgument,
  options: [
    methodOption,
    ['--public-key <file>', 'of Ed25519, in PEM; default: the public half of `recovery.signingKey`, where that is set'],
  ],
  examples: ['verdicts check shop@latest', 'verdicts check shop@latest --public-key report-key.pub --json'],
  async run(context, options, reference) {
    const { installation, signal } = context;
    const { manifest, repository } = await locateBackup(withMethod(reference, options), context);
    const publicKey = findPublicKey(text(options, 'publicKey'), installation);
    const verdicts = await readStoredVerdicts(repository, manifest, { signal, withSignatures: true });
    const chain = checkChain(verdicts, publicKey);
    const { dataset, backupId } = manifest;
    const document = { dataset, backupId, isSound: chain.problems.length === 0, ...chain };
    const exit = document.isSound ? Exit.done : Exit.failed;
    return { document, text: toChainText(chain, publicKey !== undefined), exit };
  },
};

function findPublicKey(file: string | undefined, installation: Installation): KeyObject | undefined {
  const { signingKey } = installation;
  if (file === undefined) return signingKey && toPublicKey(signingKey);
  try {
    return readPublicKey(readFileSync(file, 'utf8'), file);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const why = toText((cause as NodeJS.ErrnoException).code ?? cause);
    throw new AppError('request.invalid', `--public-key: cannot read ${file}: ${why}`, {}, { cause });
  }
}

function toChainText({ verdicts, problems, ends }: CheckedChain, isSigned: boolean): string {
  if (verdicts.length === 0) return 'there are no verdicts beside the backup';
  const lines = verdicts.map(({ key, verdict, signature, isChained }) => {
    const chained = isChained ? '' : ', names none before it (an earlier version wrote it)';
    return `${verdict ?? 'unreadable'}  ${key}: signature ${signature}${chained}`;
  });
  const found = problems.map(({ subject, problem = '' }) => `✗ ${subject}: ${problem}`);
  const state =
    problems.length > 0
      ? `${problems.length} problems`
      : `${verdicts.length} verdicts, each as it was written${isSigned ? ' and signed' : '; signatures were not checked: name the key with --public-key'}`;
  const last = ends.map(({ key, sha256 }) => `  ${sha256}  ${key}`);
  return [...lines, ...found, state, 'the last, which only an event or the catalog can miss:', ...last].join('\n');
}
