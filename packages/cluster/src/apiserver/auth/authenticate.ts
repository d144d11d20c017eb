import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { unauthorized } from '@palisade/kubernetes';
import type { UserInfo } from '../../contract.ts';
import type { Authorizer } from './authorizer.ts';
import { impersonated } from './impersonate.ts';
import type { TokenService } from './service-account-tokens.ts';

/**
 * Who sent a request: the certificate signed by the cluster's CA (CN is the user, each O a group), else the bearer token.
 * Nobody is anonymous. Who may impersonate somebody and asks for it is that one from here on.
 *
 * @throws StatusError 401, 403; ImpersonationError
 */
export async function authenticate(req: IncomingMessage, tokens: TokenService, authorizer: Authorizer): Promise<UserInfo> {
  return impersonated(await caller(req, tokens), req.headersDistinct, authorizer);
}

async function caller(req: IncomingMessage, tokens: TokenService): Promise<UserInfo> {
  const byCertificate = certificateUser(req.socket as TLSSocket);
  if (byCertificate !== undefined) return byCertificate;
  const token = /^bearer\s+(\S+)$/i.exec(req.headers.authorization ?? '')?.[1];
  const verified = token === undefined ? undefined : await tokens.verify(token, [tokens.issuer]);
  if (verified?.ok !== true) throw unauthorized();
  return verified.user;
}

const USERS = new WeakMap<TLSSocket, UserInfo>();

function certificateUser(socket: TLSSocket): UserInfo | undefined {
  if (socket.authorized !== true) return undefined;
  let user = USERS.get(socket);
  if (user === undefined) {
    const certificate = socket.getPeerCertificate();
    const subject = certificate.subject as { CN?: string | string[]; O?: string | string[] } | undefined;
    const names = ([] as string[]).concat(subject?.CN ?? []);
    if (names.length !== 1 || names[0] === '') return undefined;
    const fingerprint = createHash('sha256').update(certificate.raw).digest('hex');
    user = {
      username: names[0]!,
      groups: [...([] as string[]).concat(subject?.O ?? []), 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] },
    };
    USERS.set(socket, user);
  }
  return user;
}
