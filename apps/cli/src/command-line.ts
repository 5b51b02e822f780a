import { Command, CommanderError } from 'commander';
import { configFile, loadConfig } from '#common/config/load-config.js';
import { AppError } from '#common/errors/app-error.js';
import { Exit, type ExitCode } from '#common/errors/exit.js';
import { toText } from '#common/errors/printable.js';
import { Installation } from '#common/service/installation.js';
import { holdfastVersion } from '#common/service/version.js';
import { ApiClient } from './api-client.js';
import { flag, text } from './options.js';
import { Output } from './output/output.js';
import type { Options, Verb } from './verb.js';
import { verbs } from './verbs.js';

/** The first words of verbs that have two. */
export const groups: Readonly<Record<string, string>> = {
  backup: 'make backups, see what there is, check it, delete it',
  restore: 'bring a backup back',
  archive: 'see what is archived between backups',
  mirror: 'compare a bucket with its replica, and bring that up to date',
  recover: 'bring a whole cluster back, to any moment of its archive',
  recovery: 'run the plan for a disaster, go on after a crash, and show what was done',
  verdicts: 'what verifications found, and that it is what they wrote',
  verify: 'prove that a restored database equals its backup',
  replay: 'bring back the events since a backup',
  retention: 'see and delete what has expired',
  hold: 'keep a backup whatever retention says',
  schedules: 'see what is due next, pause and resume',
  drill: 'rehearse restores into scratch places, and see what was ever proven',
  kept: 'return to the database that a swap put aside, or drop it',
  keys: 'make keys of encrypted repositories, and prove that an identity opens them',
  'recovery-points': 'back several datasets up to one moment, and see which moments can be met',
  search: 'make search indexes anew from the database',
  wal: 'look into the archived changes of a cluster',
  undo: 'bring single rows back into live tables as they were before a moment',
  runs: 'watch and stop running work',
};

/** Runs one verb and gives its exit code. Throws: whatever the verb throws; request.invalid for a wrong command line. */
export async function runCommandLine(argv: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  let exit: ExitCode = Exit.done;
  const program = new Command('holdfast')
    .description('Backup, restore, verification and replay for self-hosted platforms')
    .version(holdfastVersion, '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  for (const verb of verbs) {
    declare(program, verb).action(async (...given: unknown[]) => {
      exit = await perform(verb, given, signal);
    });
  }
  try {
    await program.parseAsync(argv);
    return exit;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return Exit.done;
    // A command without its verb: commander has already shown what there is.
    if (error.code === 'commander.help') return Exit.badInput;
    const hint = 'Add --help to any command for its options and examples.';
    throw new AppError('request.invalid', error.message.replace(/^error: /, ''), {}, { hint, cause: error });
  }
}

function declare(program: Command, verb: Verb): Command {
  const [first, second] = verb.path;
  const parent = second === undefined ? program : groupOf(program, first);
  const command = parent
    .command(second ?? first)
    .description(verb.summary)
    .exitOverride();
  command.configureOutput({ outputError: () => undefined });
  if (verb.argument !== undefined) command.argument(...verb.argument);
  for (const [flags, description, value] of verb.options) command.option(flags, description, value);
  return command
    .option('--config <file>', 'the configuration; default: $HOLDFAST_CONFIG, then holdfast.yaml')
    .option('--json', 'one JSON document on stdout, nothing else')
    .addHelpText('after', `\nExamples:\n${verb.examples.map((example) => `  $ holdfast ${example}`).join('\n')}`);
}

function groupOf(program: Command, name: string): Command {
  const known = program.commands.find((command) => command.name() === name);
  return (
    known ??
    program
      .command(name)
      .description(groups[name] ?? '')
      .exitOverride()
  );
}

async function perform(verb: Verb, given: readonly unknown[], signal: AbortSignal): Promise<ExitCode> {
  const argument = verb.argument === undefined ? '' : toText(given[0] ?? '');
  const options = given[verb.argument === undefined ? 0 : 1] as Options;
  const output = new Output(flag(options, 'json'));
  const loaded = loadConfig(configFile(text(options, 'config')));
  const installation = new Installation(loaded.config);
  try {
    const result = await verb.run(
      { loaded, installation, api: new ApiClient(loaded.config.api), output, signal },
      options,
      argument,
    );
    output.result(result);
    return result.exit;
  } finally {
    await installation.close();
  }
}
