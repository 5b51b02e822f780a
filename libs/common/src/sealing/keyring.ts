import { AppError } from '#common/errors/app-error.js';
import { toRecipient } from './age.js';

interface EncryptedPlace {
  readonly name: string;
  readonly encryption: { readonly identity?: string | undefined };
}

interface Key {
  readonly identity: string;
  readonly recipient: string;
}

/** The identities that this process may open backups with; most processes have none. */
export class Keyring {
  private constructor(private readonly keys: readonly Key[]) {}

  static readonly empty = new Keyring([]);

  /**
   * From the text of an identity file as `age-keygen` writes it: a line for each identity, comments between them.
   * Throws: config.invalid, which never repeats a line.
   */
  static async parse(text: string, where: string): Promise<Keyring> {
    const lines = text.split('\n').map((line) => line.trim());
    const identities = lines.filter((line) => line !== '' && !line.startsWith('#'));
    const keys = await Promise.all(
      identities.map(async (identity) => ({ identity, recipient: await toRecipientOf(identity, where) })),
    );
    if (keys.length > 0) return new Keyring(keys);
    throw new AppError('config.invalid', `${where} holds no identity`, {}, { hint: IDENTITY_HINT });
  }

  /** What the configuration of a repository says. Throws: config.invalid. */
  static of({ name, encryption }: EncryptedPlace): Promise<Keyring> {
    if (encryption.identity === undefined) return Promise.resolve(Keyring.empty);
    return Keyring.parse(encryption.identity, `repositories.${name}.encryption.identity`);
  }

  get recipients(): readonly string[] {
    return this.keys.map(({ recipient }) => recipient);
  }

  /** As age reads them, one a line. */
  get identities(): readonly string[] {
    return this.keys.map(({ identity }) => identity);
  }

  /**
   * Asked before anything is touched: whether something that was sealed for these recipients can be opened here.
   * Throws: sealing.identity-missing, sealing.identity-wrong; `what` names the sealed thing.
   */
  assertOpens(sealedFor: readonly string[], what: string): void {
    if (sealedFor.length === 0 || this.recipients.some((recipient) => sealedFor.includes(recipient))) return;
    const context = { sealedFor, available: this.recipients };
    const list = sealedFor.join(', ');
    if (this.keys.length === 0)
      throw new AppError(
        'sealing.identity-missing',
        `${what} is sealed for ${list}, and no identity is configured here`,
        context,
      );
    const message = `${what} is sealed for ${list}; the identities here are those of ${this.recipients.join(', ')}`;
    throw new AppError('sealing.identity-wrong', message, context);
  }
}

const IDENTITY_HINT =
  'An identity is the line `AGE-SECRET-KEY-1…` that `holdfast keys generate` or `age-keygen` writes; name its file with `${file:…}`.';

async function toRecipientOf(identity: string, where: string): Promise<string> {
  try {
    return await toRecipient(identity);
  } catch {
    // The library's own message may repeat what it was given, and that may be a secret with a letter too much.
    throw new AppError('config.invalid', `${where} has a line that is no identity of age`, {}, { hint: IDENTITY_HINT });
  }
}
