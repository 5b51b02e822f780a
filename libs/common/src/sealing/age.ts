import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { AppError } from '#common/errors/app-error.js';

/** A key pair of the public `age` format. Source: https://age-encryption.org/v1 */
export interface AgeKeys {
  /** `AGE-SECRET-KEY-1…`: opens what was sealed for its recipient. */
  readonly identity: string;
  /** `age1…`: seals, and opens nothing. */
  readonly recipient: string;
}

export async function generateAgeKeys(): Promise<AgeKeys> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** A small object, sealed in this process. Throws: config.invalid for what is no recipient. */
export async function encrypt(raw: Uint8Array, recipients: readonly string[]): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) addRecipient(encrypter, recipient);
  return encrypter.encrypt(raw);
}

/** Throws: config.invalid: no identity would open what is sealed for a recipient with one wrong letter. */
export function assertRecipients(recipients: readonly string[], where: string): void {
  const encrypter = new Encrypter();
  for (const recipient of recipients) addRecipient(encrypter, recipient, where);
}

function addRecipient(encrypter: Encrypter, recipient: string, where = 'the recipients'): void {
  try {
    encrypter.addRecipient(recipient);
  } catch (cause) {
    const hint =
      'A recipient is the line `age1…` that `holdfast keys generate` or `age-keygen` prints as the public key.';
    throw new AppError('config.invalid', `${where}: "${recipient}" is no recipient of age`, {}, { cause, hint });
  }
}

/** Throws whatever the library throws: no identity matches, or the bytes are damaged. */
export async function decrypt(sealed: Uint8Array, identities: readonly string[]): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  return decrypter.decrypt(sealed);
}

/** Throws whatever the library throws for what is no identity; no message repeats it. */
export const toRecipient = (identity: string): Promise<string> => identityToRecipient(identity);
