import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { AuditNote } from '../../core.ts';
import { CORE, type Harness, pod, startHarness } from '../../testing/harness.ts';
import { podViolations } from './checks.ts';

const GOOD = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
};
const one = (container: object = {}, spec: object = {}) => ({
  spec: { containers: [{ name: 'c', ...container }], ...spec },
  annotations: {},
});
const context = (securityContext: object) => one({ securityContext });

const baseline: [pod: ReturnType<typeof one>, violation: string][] = [
  [one({}, { hostNetwork: true, hostPID: true }), 'host namespaces (hostNetwork=true, hostPID=true)'],
  [context({ privileged: true }), 'privileged (container "c" must not set securityContext.privileged=true)'],
  [
    context({ capabilities: { add: ['SYS_ADMIN', 'CHOWN'] } }),
    'non-default capabilities (container "c" must not include "SYS_ADMIN" in securityContext.capabilities.add)',
  ],
  [one({}, { volumes: [{ name: 'v', hostPath: { path: '/' } }] }), 'hostPath volumes (volume "v")'],
  [one({ ports: [{ hostPort: 80 }] }), 'hostPort (container "c" uses hostPort 80)'],
  [context({ procMount: 'Unmasked' }), 'procMount (container "c" must not set securityContext.procMount to "Unmasked")'],
  [
    context({ seccompProfile: { type: 'Unconfined' } }),
    'seccompProfile (container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
  ],
  [
    context({ appArmorProfile: { type: 'Unconfined' } }),
    'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")',
  ],
  [one({}, { securityContext: { sysctls: [{ name: 'kernel.msgmax' }] } }), 'forbidden sysctls (kernel.msgmax)'],
  [context({ seLinuxOptions: { user: 'u' } }), 'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions)'],
  [
    one({}, { securityContext: { windowsOptions: { hostProcess: true } } }),
    'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
  ],
  [
    one(
      {},
      {
        initContainers: [{ name: 'i', securityContext: { privileged: true } }],
        ephemeralContainers: [{ name: 'e', securityContext: { privileged: true } }],
      },
    ),
    'privileged (containers "i", "e" must not set securityContext.privileged=true)',
  ],
];
for (const [facts, violation] of baseline) {
  test(`baseline: ${violation}`, () => {
    assert.deepEqual(podViolations('baseline', facts), [violation]);
    assert.deepEqual(podViolations('privileged', facts), []);
  });
}

test('restricted: a plain pod, a good one, and what good ones may not have', () => {
  assert.deepEqual(podViolations('baseline', one()), []);
  assert.deepEqual(podViolations('restricted', one()), [
    'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false)',
    'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"])',
    'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)',
    'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ]);
  assert.deepEqual(podViolations('restricted', context(GOOD)), []);
  const cases: [pod: ReturnType<typeof one>, violation: string][] = [
    [context({ ...GOOD, runAsUser: 0 }), 'runAsUser=0 (container "c" must not set runAsUser=0)'],
    [
      context({ ...GOOD, capabilities: { drop: ['ALL'], add: ['CHOWN'] } }),
      'unrestricted capabilities (container "c" must not include "CHOWN" in securityContext.capabilities.add)',
    ],
    [
      one(
        { securityContext: GOOD },
        {
          volumes: [
            { name: 'v', hostPath: {} },
            { name: 'ok', emptyDir: {} },
          ],
        },
      ),
      'restricted volume types (volume "v" uses restricted volume type "hostPath")',
    ],
    [context({ ...GOOD, runAsNonRoot: false }), 'runAsNonRoot != true (container "c" must not set securityContext.runAsNonRoot=false)'],
  ];
  for (const [facts, violation] of cases) assert.deepEqual(podViolations('restricted', facts), [violation]);
  const { runAsNonRoot: _, seccompProfile: __, ...rest } = GOOD;
  const ofPod = { securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } };
  assert.deepEqual(podViolations('restricted', one({ securityContext: rest }, ofPod)), [], 'the pod speaks for its containers');
});

const notes: AuditNote[] = [];
const harness: Harness = await startHarness({ audit: (note) => notes.push(note) });
after(() => harness[Symbol.asyncDispose]());
const { client, fetch } = harness;

async function namespace(name: string, labels: Record<string, string>): Promise<void> {
  const prefixed = Object.fromEntries(Object.entries(labels).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]));
  await client.create(CORE('namespaces'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: prefixed } });
  await client.create(CORE('serviceaccounts'), {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: name },
  });
}
const inNamespace = (name: string, spec: object) => ({ ...pod('p', spec), metadata: { name: 'p', namespace: name } });

test('enforced by the labels of the namespace, on pods and on their ephemeral containers', async () => {
  await namespace('strict', { enforce: 'baseline', warn: 'restricted' });
  const refused = await fetch('POST', '/api/v1/namespaces/strict/pods', { body: inNamespace('strict', { hostNetwork: true }) });
  assert.equal(refused.code, 403);
  assert.equal(refused.json.message, 'pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)');
  const warned = await fetch('POST', '/api/v1/namespaces/strict/pods', { body: inNamespace('strict', {}) });
  assert.equal(warned.code, 201);
  assert.match(String(warned.headers['warning']), /would violate PodSecurity \\"restricted:latest\\": allowPrivilegeEscalation != false/);
  const debug = await fetch('PATCH', '/api/v1/namespaces/strict/pods/p/ephemeralcontainers', {
    body: { spec: { ephemeralContainers: [{ name: 'd', image: 'busybox', securityContext: { privileged: true } }] } },
    headers: { 'Content-Type': 'application/strategic-merge-patch+json' },
  });
  assert.equal(debug.code, 403, debug.text);
  assert.match(debug.json.message, /container "d" must not set securityContext\.privileged=true/);
  const labelled = await fetch('PATCH', '/api/v1/namespaces/strict/pods/p', {
    body: { metadata: { labels: { a: 'b' } } },
    headers: { 'Content-Type': 'application/merge-patch+json' },
  });
  assert.equal(labelled.code, 200);
});

test('templates are warned about, never refused; without labels everything goes; a wrong label is refused', async () => {
  await namespace('warns', { enforce: 'restricted', warn: 'baseline' });
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd' },
    spec: {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { hostPID: true, containers: [{ name: 'c', image: 'i' }] } },
    },
  };
  const made = await fetch('POST', '/apis/apps/v1/namespaces/warns/deployments', { body: deployment });
  assert.equal(made.code, 201);
  assert.equal(made.headers['warning'], '299 - "would violate PodSecurity \\"baseline:latest\\": host namespaces (hostPID=true)"');
  assert.equal((await fetch('POST', '/api/v1/namespaces/default/pods', { body: pod('free', { hostNetwork: true }) })).code, 201);
  const wrong = await fetch('POST', '/api/v1/namespaces', {
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x', labels: { 'pod-security.kubernetes.io/enforce': 'strict' } } },
  });
  assert.deepEqual(
    [wrong.code, wrong.json.message],
    [
      422,
      'Namespace "x" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted',
    ],
  );
});

const anywhere = (name: string, spec: object) => ({ ...pod(name, spec), metadata: { name } });

test('audit mode refuses nothing and notes what it found, once the request goes on', async () => {
  await namespace('audited', { audit: 'baseline' });
  notes.length = 0;
  const made = await fetch('POST', '/api/v1/namespaces/audited/pods', { body: anywhere('p', { hostNetwork: true }) });
  assert.deepEqual([made.code, made.headers['warning']], [201, undefined]);
  await fetch('POST', '/api/v1/namespaces/audited/pods?dryRun=All', { body: anywhere('q', { hostNetwork: true }) });
  await fetch('POST', '/api/v1/namespaces/audited/pods', { body: anywhere('r', {}) });
  assert.deepEqual(notes, [
    {
      user: notes[0]?.user,
      resource: 'pods',
      namespace: 'audited',
      name: 'p',
      text: 'would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
    },
  ]);
});

test('what is enforced is warned of in templates too, and pods that are there are named when it becomes stricter', async () => {
  await namespace('grows', {});
  for (const name of ['a', 'b', 'c'])
    await fetch('POST', '/api/v1/namespaces/grows/pods', { body: anywhere(name, name === 'c' ? {} : { hostPID: true }) });
  const label = (labels: object) =>
    fetch('PATCH', '/api/v1/namespaces/grows', {
      body: { metadata: { labels } },
      headers: { 'Content-Type': 'application/merge-patch+json' },
    });
  const stricter = await label({ 'pod-security.kubernetes.io/enforce': 'baseline' });
  assert.deepEqual(String(stricter.headers['warning']).split(', 299'), [
    '299 - "existing pods in namespace \\"grows\\" violate the new PodSecurity enforce level \\"baseline:latest\\""',
    ' - "a (and 1 other pod): host namespaces"',
  ]);
  const template = { metadata: { labels: { a: 'b' } }, spec: { hostPID: true, containers: [{ name: 'c', image: 'i' }] } };
  const spec = { selector: { matchLabels: { a: 'b' } }, template };
  const body = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec };
  const made = await fetch('POST', '/apis/apps/v1/namespaces/grows/deployments', { body });
  assert.match(String(made.headers['warning']), /would violate PodSecurity \\"baseline:latest\\"/);
  const version = await label({ 'pod-security.kubernetes.io/enforce-version': 'v0.x' });
  assert.match(version.json.message, /enforce-version\]: Invalid value: "v0\.x": must be "latest" or "v1\.x"$/);
});

test('probes and handlers ask the pod itself', () => {
  const facts = (probe: object) => ({ spec: { containers: [{ name: 'a', livenessProbe: probe }] }, annotations: {} });
  assert.deepEqual(podViolations('baseline', facts({ httpGet: { host: '192.0.2.1' } })), [
    'probe or lifecycle host (container "a" uses probe or lifecycle host "192.0.2.1")',
  ]);
  assert.deepEqual(podViolations('baseline', facts({ tcpSocket: {} })), []);
});
