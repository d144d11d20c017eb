import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { unauthorized } from '@palisade/kubernetes';
import type { UserInfo } from '../../contract.ts';
import type { TokenService } from './service-account-tokens.ts';

/**
 * Who sent a request: the certificate signed by the cluster's CA (CN is the user, each O a group), else the bearer token.
 * Nobody is anonymous.
 *
 * @throws StatusError 401
 */
export async function authenticate(req: IncomingMessage, tokens: TokenService): Promise<UserInfo> {
  const byCertificate = certificateUser(req.socket as TLSSocket);
  if (byCertificate !== undefined) return byCertificate;
  const token = /^bearer\s+(\S+)$/i.exec(req.headers.authorization ?? '')?.[1];
  const verified = token === undefined ? undefined : await tokens.verify(token, [tokens.issuer]);
  if (verified === undefined) throw unauthorized();
  return verified.user;
}

const USERS = new WeakMap<TLSSocket, UserInfo>();

function certificateUser(socket: TLSSocket): UserInfo | undefined {
  if (socket.authorized !== true) return undefined;
  let user = USERS.get(socket);
  if (user === undefined) {
    const subject = socket.getPeerCertificate().subject as { CN?: string | string[]; O?: string | string[] } | undefined;
    const names = ([] as string[]).concat(subject?.CN ?? []);
    if (names.length !== 1 || names[0] === '') return undefined;
    user = { username: names[0]!, groups: [...([] as string[]).concat(subject?.O ?? []), 'system:authenticated'] };
    USERS.set(socket, user);
  }
  return user;
}
