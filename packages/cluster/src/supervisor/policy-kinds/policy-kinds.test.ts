import assert from 'node:assert/strict';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ApiClient, isStatusError, type KubernetesObject } from '@palisade/kubernetes';
import { findPolicyFault } from '@palisade/netpol';
import { parseAllDocuments } from 'yaml';
import { type ApiServer, createApiServer, SYSTEM_USER } from '../../apiserver/index.ts';
import { ensurePolicyKinds, policyResources } from './index.ts';
import { ACCEPTED, wantedConditions } from './status.ts';

const deny = (fields: object = {}) => ({
  apiVersion: 'policy.networking.k8s.io/v1alpha2',
  kind: 'ClusterNetworkPolicy',
  metadata: { name: 'p' },
  spec: {
    tier: 'Admin',
    priority: 1,
    subject: { namespaces: {} },
    egress: [{ action: 'Deny', to: [{ networks: ['203.0.113.0/24'] }] }],
    ...fields,
  },
});
const admin = (fields: object = {}) => ({
  apiVersion: 'policy.networking.k8s.io/v1alpha1',
  kind: 'AdminNetworkPolicy',
  metadata: { name: 'p' },
  spec: {
    priority: 1,
    subject: { pods: {} },
    ingress: [{ action: 'Pass', from: [{ namespaces: {} }], ports: [{ portNumber: { port: 80 } }] }],
    ...fields,
  },
});

describe('cluster-wide policy kinds', () => {
  let folder: string;
  let api: ApiServer;
  let client: ApiClient;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'palisade-kinds-'));
    api = await createApiServer({ stateDir: folder, clock: () => new Date() });
    client = api.localClient(SYSTEM_USER);
    await ensurePolicyKinds(client);
  });
  after(async () => {
    await api?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const tryOut = (object: KubernetesObject) =>
    client.create(
      policyResources.find(({ resource }) => resource.startsWith(object.kind.toLowerCase().slice(0, -1)))!,
      object,
      {},
      { dryRun: true },
    );

  it('are there after a second start too', () => ensurePolicyKinds(client));

  it('take what is right and fill in the protocol', async () => {
    await tryOut(deny());
    const stored = await tryOut(admin());
    assert.equal(stored['spec'].ingress[0].ports[0].portNumber.protocol, 'TCP');
    await tryOut({ ...admin({ priority: undefined, ingress: [] }), kind: 'BaselineAdminNetworkPolicy', metadata: { name: 'default' } });
  });

  const refused: readonly (readonly [what: string, object: KubernetesObject, field: RegExp])[] = [
    ['no tier', deny({ tier: undefined }), /spec\.tier/],
    ['a tier that does not exist', deny({ tier: 'NetworkPolicy' }), /spec\.tier/],
    ['a priority beyond the last', deny({ priority: 1001 }), /spec\.priority/],
    ['a subject that names two things', deny({ subject: { namespaces: {}, pods: { podSelector: {} } } }), /spec\.subject/],
    ['pods without podSelector', deny({ subject: { pods: {} } }), /spec\.subject\.pods\.podSelector/],
    ['an action of the other version', deny({ ingress: [{ action: 'Allow', from: [{ namespaces: {} }] }] }), /spec\.ingress\[0\]\.action/],
    ['no peers', deny({ egress: [{ action: 'Deny', to: [] }] }), /spec\.egress\[0\]\.to/],
    [
      'networks as a source',
      deny({ ingress: [{ action: 'Deny', from: [{ networks: ['10.0.0.0/8'] }] }] }),
      /spec\.ingress\[0\]\.from\[0\]/,
    ],
    ['text for a network', deny({ egress: [{ action: 'Deny', to: [{ networks: ['everything'] }] }] }), /networks\[0\]/],
    [
      'port 0',
      admin({ ingress: [{ action: 'Deny', from: [{ namespaces: {} }], ports: [{ portNumber: { port: 0 } }] }] }),
      /portNumber\.port/,
    ],
  ];
  for (const [what, object, field] of refused)
    it(`refuse ${what}`, () => assert.rejects(tryOut(object), (error) => isStatusError(error) && field.test(error.message)));

  const data = join(
    process.env['CONFORMANCE_DIR'] ?? join(import.meta.dirname, '../../../../../../shared/conformance'),
    'netpol/network-policy-api',
  );
  const skip = existsSync(data) ? false : `no manifests at ${data}: CONFORMANCE_DIR names the folder of the conformance data`;
  it("take every policy of network-policy-api's conformance manifests", { skip }, async () => {
    const files = globSync('conformance/base/**/*.yaml', { cwd: data });
    // Files with blanks are filled in by the tests they belong to.
    const texts = files.map((file) => readFileSync(join(data, file), 'utf8')).filter((text) => !text.includes('{{'));
    const objects = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject));
    const policies = objects.filter(
      (object) => object?.apiVersion?.startsWith('policy.networking.k8s.io/') && !object.kind.endsWith('List'),
    );
    assert.ok(policies.length >= 20, `${policies.length} found`);
    for (const policy of policies) {
      await tryOut(policy);
      assert.equal(findPolicyFault(policy), undefined, policy.metadata.name);
    }
  });

  it('say in the status what only the compiler sees', () => {
    const now = new Date('2026-01-02T03:04:05.678Z');
    const good: KubernetesObject = deny();
    const [condition] = wantedConditions(good, now)!;
    assert.deepEqual([condition!.type, condition!.status, condition!.lastTransitionTime], [ACCEPTED, 'True', '2026-01-02T03:04:05Z']);
    assert.equal(wantedConditions({ ...good, status: { conditions: [condition] } }, now), undefined, 'written once');
    const bad = deny({ egress: [{ action: 'Deny', to: [{ networks: ['10.0.0.0/33'] }] }] });
    const other = { type: 'Other', status: 'True' };
    const [kept, told] = wantedConditions({ ...bad, status: { conditions: [other, condition] } } as KubernetesObject, now)!;
    assert.equal(kept, other);
    assert.equal(told!.status, 'False');
    assert.match(told!.message, /spec\.egress\[0\]\.to\[0\]\.networks\[0\]/);
  });
});
