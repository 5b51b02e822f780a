import { writeFile } from 'node:fs/promises';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { generateAgeKeys } from '#common/sealing/age.js';
import { requiredText } from '../options.js';
import type { Verb } from '../verb.js';

export const keysGenerate: Verb = {
  path: ['keys', 'generate'],
  summary: 'make a pair of keys for encrypted backups: the identity into a file, the recipient for the configuration',
  options: [['--output <file>', 'where the identity goes; a file that exists is never replaced']],
  examples: ['keys generate --output /run/secrets/holdfast-identity'],
  async run(_context, options) {
    const file = requiredText(options, 'output');
    const { identity, recipient } = await generateAgeKeys();
    const text = `# created: ${new Date().toISOString()}\n# public key: ${recipient}\n${identity}\n`;
    await writeFile(file, text, { mode: 0o600, flag: 'wx' }).catch((cause: NodeJS.ErrnoException) => {
      const hint = 'Name a file that does not exist, in a directory that exists.';
      throw new AppError(
        'request.invalid',
        `cannot write ${file}: ${cause.code ?? cause.message}`,
        {},
        { cause, hint },
      );
    });
    const next = [
      `the identity is in ${file}: keep copies of it where the backups are not, for without it none of them opens`,
      `recipient: ${recipient}`,
      'add the recipient to `encryption.recipients` of a repository, and the identity by reference to `encryption.identity` where restores run',
    ];
    return { document: { file, recipient }, text: next.join('\n'), exit: Exit.done };
  },
};
