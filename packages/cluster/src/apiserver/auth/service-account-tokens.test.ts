import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { ObjectStore } from '../store/object-store.ts';
import { type TokenRequest, TokenService } from './service-account-tokens.ts';

const folder = mkdtempSync(join(tmpdir(), 'palisade-tokens-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const ISSUER = 'https://issuer.example';
let now = Date.UTC(2030, 0, 1);
/** Uids of what is there. */
const stored = new Map<string, string>();
const store = {
  get: (type: string, namespace: string, name: string) => {
    const uid = stored.get(`${type}/${namespace}/${name}`);
    return uid === undefined ? undefined : { object: { metadata: { uid } } };
  },
} as unknown as ObjectStore;
const tokens = new TokenService({
  keyPath: join(folder, 'sa.key'),
  issuer: ISSUER,
  store,
  clock: () => new Date(now),
  uuid: () => 'id',
});
const issue = async (request: Partial<TokenRequest> = {}) => {
  const asked = { namespace: 'ns', serviceAccount: 'a', serviceAccountUid: '1', audiences: [], expirationSeconds: 600, ...request };
  return (await tokens.issue(asked)).token;
};
const invalidated = 'service account token has been invalidated';
const pod = { kind: 'Pod', name: 'p', uid: '2' } as const;
const secret = { kind: 'Secret', name: 's', uid: '3' } as const;
const node = { kind: 'Node', name: 'n', uid: '4' } as const;

describe('a token is good until', () => {
  const rows: [name: string, request: Partial<TokenRequest>, change: () => void, reason: string | undefined][] = [
    [
      'it is for another audience',
      { audiences: ['vault'] },
      () => {},
      `token audiences ["vault"] is invalid for the target audiences ["${ISSUER}"]`,
    ],
    ['its time is over', {}, () => (now += 600_000), 'service account token has expired'],
    ['its account goes', {}, () => stored.delete('serviceaccounts/ns/a'), 'serviceaccounts "a" not found'],
    ['its account is made again', {}, () => stored.set('serviceaccounts/ns/a', '9'), 'service account UID (9) does not match claim (1)'],
    ['its pod goes', { bound: pod }, () => stored.delete('pods/ns/p'), invalidated],
    [
      'its pod is made again',
      { bound: pod },
      () => stored.set('pods/ns/p', '9'),
      'pod UID (9) does not match service account pod ref claim (2)',
    ],
    ['its secret goes', { bound: secret }, () => stored.delete('secrets/ns/s'), invalidated],
    ['its node goes', { bound: node }, () => stored.delete('nodes//n'), invalidated],
    ['never, for the node of its pod', { bound: pod, node }, () => stored.delete('nodes//n'), undefined],
  ];
  for (const [name, request, change, reason] of rows) {
    test(name, async () => {
      for (const [key, uid] of [
        ['serviceaccounts/ns/a', '1'],
        ['pods/ns/p', '2'],
        ['secrets/ns/s', '3'],
        ['nodes//n', '4'],
      ] as const)
        stored.set(key, uid);
      const token = await issue(request);
      const first = await tokens.verify(token, request.audiences ?? [ISSUER]);
      assert.ok(first.ok);
      assert.equal(first.user.username, 'system:serviceaccount:ns:a');
      change();
      const then = await tokens.verify(token, [ISSUER]);
      assert.equal(then.ok ? undefined : then.reason, reason);
      assert.equal(then.ok, reason === undefined);
    });
  }

  test('it is not this server that signed it', async () => {
    const [head, , signature] = (await issue()).split('.');
    const claims = Buffer.from(JSON.stringify({ iss: ISSUER, sub: 'system:serviceaccount:ns:root', aud: [ISSUER], exp: now })).toString(
      'base64url',
    );
    assert.deepEqual(await tokens.verify(`${head}.${claims}.${signature}`, [ISSUER]), { ok: false, reason: 'invalid signature' });
    assert.deepEqual(await tokens.verify('nonsense', [ISSUER]), { ok: false });
  });
});
