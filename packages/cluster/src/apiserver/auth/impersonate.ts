import type { IncomingMessage } from 'node:http';
import { accessDenied } from '@palisade/kubernetes';
import type { UserInfo } from '../../contract.ts';
import type { Authorizer } from './authorizer.ts';

const AUTHENTICATION = 'authentication.k8s.io';
const ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;
const EXTRA = 'impersonate-extra-';

/** Headers that ask for parts of a user without naming one; the real server answers 500, in text. */
export class ImpersonationError extends Error {
  override readonly name = 'ImpersonationError';
}

/** One thing the caller wants to be, as the right it needs: the verb `impersonate` on it. */
interface Wish {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

const wish = (resource: string, name: string, more: Partial<Wish> = {}): Wish => ({
  group: '',
  subresource: '',
  namespace: '',
  resource,
  name,
  ...more,
});

/**
 * The user a request is to be treated as (`Impersonate-User`, `-Group`, `-Uid`, `-Extra-KEY`; `kubectl --as`): the caller itself when it
 * asks for nobody, otherwise exactly what it asks for, each part of which it must be allowed.
 *
 * @throws StatusError 403, ImpersonationError
 */
export function impersonated(caller: UserInfo, headers: IncomingMessage['headersDistinct'], authorizer: Authorizer): UserInfo {
  const username = headers['impersonate-user']?.[0] ?? '';
  const groups = headers['impersonate-group'] ?? [];
  const uid = headers['impersonate-uid']?.[0] ?? '';
  const extra = Object.entries(headers)
    .filter(([name]) => name.startsWith(EXTRA))
    .map(([name, values]) => [decodeKey(name.slice(EXTRA.length)), values ?? []] as const);
  const account = ACCOUNT.exec(username);
  const wishes = [
    ...(username === ''
      ? []
      : [account === null ? wish('users', username) : wish('serviceaccounts', account[2]!, { namespace: account[1]! })]),
    ...groups.map((name) => wish('groups', name)),
    ...extra.flatMap(([subresource, values]) => values.map((name) => wish('userextras', name, { group: AUTHENTICATION, subresource }))),
    ...(uid === '' ? [] : [wish('uids', uid, { group: AUTHENTICATION })]),
  ];
  if (wishes.length === 0) return caller;
  if (username === '') {
    const listed = wishes.map(({ resource, namespace, name }) => `{${kindOf(resource)} ${namespace} ${name}    }`).join(' ');
    throw new ImpersonationError(`requested [${listed}] without impersonating a user`);
  }
  for (const wanted of wishes) {
    const resource = { ...wanted, version: 'v1' };
    if (authorizer.authorize({ user: caller, verb: 'impersonate', path: '', resource }).allowed) continue;
    throw accessDenied({ user: caller.username, verb: 'impersonate', ...wanted });
  }
  return {
    username,
    ...(uid === '' ? {} : { uid }),
    groups: [...groupsOf(username, account, groups)],
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
}

const EVERYBODY: readonly string[] = ['system:authenticated', 'system:unauthenticated'];

/** Accounts are in their groups unless others are asked for; who asks for neither of `EVERYBODY` gets the one they belong to. */
function groupsOf(username: string, account: RegExpExecArray | null, asked: readonly string[]): Set<string> {
  const own = account !== null && asked.length === 0 ? ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`] : asked;
  if (own.some((group) => EVERYBODY.includes(group))) return new Set(own);
  return new Set([...own, username === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated']);
}

const kindOf = (resource: string): string => ({ groups: 'Group', userextras: 'UserExtra', uids: 'UID' })[resource] ?? 'User';

/** Keys of extras are percent-encoded where a header name could not hold them. */
function decodeKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
