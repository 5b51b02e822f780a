import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

const Session = z.object({ userId: z.guid(), tenantId: z.guid(), isStaff: z.boolean(), expiresAt: z.iso.datetime() });
export type Session = z.infer<typeof Session>;

const mac = (payload: string, secret: string) => createHmac('sha256', secret).update(payload).digest();

/** Equal in constant time, also when the lengths differ. */
export function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(mac(a, 'compare'), mac(b, 'compare'));
}

export function signSession(session: Session, secret: string): string {
  const payload = Buffer.from(JSON.stringify(session)).toString('base64url');
  return `${payload}.${mac(payload, secret).toString('base64url')}`;
}

/** The session, or undefined for a token that was altered, signed by another shop, or has expired. */
export function readSession(token: string, secret: string, now: Date): Session | undefined {
  const [payload = '', signature = ''] = token.split('.');
  if (!isSameSecret(signature, mac(payload, secret).toString('base64url'))) return undefined;
  const session = Session.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
  return new Date(session.expiresAt) > now ? session : undefined;
}
