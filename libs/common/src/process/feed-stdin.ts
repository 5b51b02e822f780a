import type { Readable, Writable } from 'node:stream';

/**
 * Writes all of `input` to a child and closes its stdin. Resolves also when the child stops reading: its exit status decides.
 * Rejects with the input's own error, also when the input was cut short; stdin is then left open, for a child that saw an end
 * would take half an input for a whole one: the caller stops the child.
 */
export async function feedStdin(input: Readable | string, stdin: Writable): Promise<void> {
  // A child that leaves early breaks the pipe; without a listener that would end this process.
  stdin.on('error', () => undefined);
  if (typeof input === 'string') {
    stdin.end(input);
    return;
  }
  for await (const chunk of input) {
    if (!(await write(stdin, chunk as Buffer))) return;
  }
  stdin.end();
}

function write(stdin: Writable, chunk: Buffer): Promise<boolean> {
  if (stdin.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => stdin.write(chunk, (error) => resolve(!error)));
}
