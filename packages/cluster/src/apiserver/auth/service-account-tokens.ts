import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { UserInfo } from '../../contract.ts';
import { readObject } from '../core.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** The object a token dies with. */
export interface BoundObject {
  readonly kind: 'Pod' | 'Secret' | 'Node';
  readonly name: string;
  readonly uid: string;
}

export interface TokenRequest {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly serviceAccountUid: string;
  /** Empty: the API server itself. */
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  readonly bound?: BoundObject;
  readonly node?: { readonly name: string; readonly uid: string };
}

interface TokenClaims {
  readonly sub: string;
  readonly aud: readonly string[];
  readonly exp: number;
  readonly jti: string;
  readonly namespace: string;
  readonly serviceAccount: { name: string; uid: string };
  readonly pod?: { name: string; uid: string };
  readonly secret?: { name: string; uid: string };
  readonly node?: { name: string; uid: string };
}

/** Who a token speaks for, or why it is not good; without a reason when it is none of this server's. */
export type Verification =
  | { readonly ok: true; readonly user: UserInfo; readonly audiences: string[] }
  | { readonly ok: false; readonly reason?: string };

export interface TokenServiceOptions {
  readonly keyPath: string;
  readonly issuer: string;
  readonly store: ObjectStore;
  readonly clock: () => Date;
  readonly uuid: () => string;
}

/** Verified tokens remembered, so that a client's next request costs no signature check. */
const CACHE_SIZE = 1000;

/**
 * Service-account tokens: ES256 JWTs with the claims of a real server (KEP-1205, KEP-2799). A token is good only while its
 * account, and the pod it is bound to, exist with the same uid.
 */
export class TokenService {
  readonly issuer: string;
  readonly #key: KeyObject;
  readonly #public: KeyObject;
  readonly #kid: string;
  readonly #store: ObjectStore;
  readonly #clock: () => Date;
  readonly #uuid: () => string;
  readonly #verified = new Map<string, TokenClaims>();

  constructor(options: TokenServiceOptions) {
    this.issuer = options.issuer;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#uuid = options.uuid;
    this.#key = openKey(options.keyPath);
    this.#public = createPublicKey(this.#key);
    const der = this.#public.export({ type: 'spki', format: 'der' });
    this.#kid = createHash('sha256').update(der).digest('base64url');
  }

  async issue(request: TokenRequest): Promise<{ token: string; expires: Date }> {
    const { SignJWT } = await import('jose');
    const now = Math.floor(this.#clock().getTime() / 1000);
    const exp = now + request.expirationSeconds;
    const { bound, node } = request;
    const claims = {
      'kubernetes.io': {
        namespace: request.namespace,
        ...(node === undefined ? {} : { node }),
        ...(bound === undefined ? {} : { [bound.kind.toLowerCase()]: { name: bound.name, uid: bound.uid } }),
        serviceaccount: { name: request.serviceAccount, uid: request.serviceAccountUid },
      },
    };
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: this.#kid })
      .setIssuer(this.issuer)
      .setSubject(`system:serviceaccount:${request.namespace}:${request.serviceAccount}`)
      .setAudience(request.audiences.length > 0 ? [...request.audiences] : [this.issuer])
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(exp)
      .setJti(this.#uuid())
      .sign(this.#key);
    return { token, expires: new Date(exp * 1000) };
  }

  /**
   * Who the token speaks for, unless it is forged, expired, for another audience, or its account or what it is bound to is gone.
   *
   * @param audiences one of these must be in the token
   */
  async verify(token: string, audiences: readonly string[]): Promise<Verification> {
    const known = this.#verified.get(token) ?? (await this.#check(token));
    if ('ok' in known) return known;
    const common = known.aud.filter((audience) => audiences.includes(audience));
    if (common.length === 0) {
      const [has, wants] = [known.aud, audiences].map((list) => `[${list.map((one) => JSON.stringify(one)).join(' ')}]`);
      return { ok: false, reason: `token audiences ${has} is invalid for the target audiences ${wants}` };
    }
    if (known.exp * 1000 <= this.#clock().getTime()) {
      this.#verified.delete(token);
      return EXPIRED;
    }
    const reason = this.#whatIsGone(known);
    return reason === undefined ? { ok: true, user: userOf(known), audiences: common } : { ok: false, reason };
  }

  /** Public keys for verifiers outside (`/openid/v1/jwks`). */
  async jwks(): Promise<object> {
    const { exportJWK } = await import('jose');
    return { keys: [{ use: 'sig', kid: this.#kid, alg: 'ES256', ...(await exportJWK(this.#public)) }] };
  }

  async #check(token: string): Promise<TokenClaims | (Verification & { ok: false })> {
    const { errors, jwtVerify } = await import('jose');
    try {
      const { payload } = await jwtVerify(token, this.#public, { issuer: this.issuer, algorithms: ['ES256'], currentDate: this.#clock() });
      // biome-ignore lint/suspicious/noExplicitAny: claims we signed ourselves
      const own = payload['kubernetes.io'] as any;
      const claims: TokenClaims = {
        sub: payload.sub!,
        aud: ([] as string[]).concat(payload.aud ?? []),
        exp: payload.exp!,
        jti: payload.jti!,
        namespace: own.namespace,
        serviceAccount: own.serviceaccount,
        ...(own.pod === undefined ? {} : { pod: own.pod }),
        ...(own.secret === undefined ? {} : { secret: own.secret }),
        ...(own.node === undefined ? {} : { node: own.node }),
      };
      if (this.#verified.size >= CACHE_SIZE) this.#verified.delete(this.#verified.keys().next().value!);
      this.#verified.set(token, claims);
      return claims;
    } catch (error) {
      if (error instanceof errors.JWTExpired) return EXPIRED;
      if (error instanceof errors.JWSSignatureVerificationFailed) return { ok: false, reason: 'invalid signature' };
      return { ok: false };
    }
  }

  /** A token dies with its account and with what it is bound to; the node of a pod is only told. */
  #whatIsGone({ namespace, serviceAccount, pod, secret, node }: TokenClaims): string | undefined {
    const uidOf = (type: string, ns: string, name: string) => readObject({ store: this.#store }, type, ns, name)?.metadata.uid;
    const account = uidOf('serviceaccounts', namespace, serviceAccount.name);
    if (account === undefined) return `serviceaccounts ${JSON.stringify(serviceAccount.name)} not found`;
    if (account !== serviceAccount.uid) return `service account UID (${account}) does not match claim (${serviceAccount.uid})`;
    const [kind, type, ns, bound] =
      pod !== undefined
        ? (['pod', 'pods', namespace, pod] as const)
        : secret !== undefined
          ? (['secret', 'secrets', namespace, secret] as const)
          : (['node', 'nodes', '', node] as const);
    if (bound === undefined) return undefined;
    const uid = uidOf(type, ns, bound.name);
    if (uid === undefined) return 'service account token has been invalidated';
    return uid === bound.uid ? undefined : `${kind} UID (${uid}) does not match service account ${kind} ref claim (${bound.uid})`;
  }
}

const EXPIRED = { ok: false, reason: 'service account token has expired' } as const;

function userOf(claims: TokenClaims): UserInfo {
  const { namespace, serviceAccount, pod, node, jti } = claims;
  const extra: Record<string, string[]> = { 'authentication.kubernetes.io/credential-id': [`JTI=${jti}`] };
  if (pod !== undefined) {
    extra['authentication.kubernetes.io/pod-name'] = [pod.name];
    extra['authentication.kubernetes.io/pod-uid'] = [pod.uid];
  }
  if (node !== undefined) {
    extra['authentication.kubernetes.io/node-name'] = [node.name];
    extra['authentication.kubernetes.io/node-uid'] = [node.uid];
  }
  return {
    username: claims.sub,
    uid: serviceAccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    extra,
  };
}

function openKey(path: string): KeyObject {
  if (existsSync(path)) return createPrivateKey(readFileSync(path, 'utf8'));
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return privateKey;
}
