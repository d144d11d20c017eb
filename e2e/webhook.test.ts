/** "Done when" of exact Kubernetes: a mutating webhook that runs in a pod, called through its Service, injects a container. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cannotRunClusters, cannotUseOpenssl, run, startCluster, type TestCluster } from './harness.ts';

const skip = cannotRunClusters() || cannotUseOpenssl();

/** Adds a container `sidecar` to every pod it is asked about, and says who asked from where. */
const SERVER = `
const { createServer } = require('node:https');
const { readFileSync } = require('node:fs');
createServer({ key: readFileSync('/tls/tls.key'), cert: readFileSync('/tls/tls.crt') }, async (req, res) => {
  const { request } = JSON.parse(Buffer.concat(await req.toArray()).toString());
  console.log(request.operation, request.kind.kind, request.namespace);
  const sidecar = { name: 'sidecar', image: 'busybox', command: ['sh', '-c', 'sleep 1000'] };
  const patch = Buffer.from(JSON.stringify([{ op: 'add', path: '/spec/containers/-', value: sidecar }])).toString('base64');
  const response = { uid: request.uid, allowed: true, patchType: 'JSONPatch', patch };
  res.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }));
}).listen(8443);`;

async function selfSigned(name: string): Promise<{ key: string; certificate: string }> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'palisade-webhook-'));
  const [key, certificate] = [join(folder.path, 'key.pem'), join(folder.path, 'cert.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const made = await run('openssl', [
    ...['req', '-x509', ...curve, '-days', '2', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`],
    ...['-keyout', key, '-out', certificate],
  ]);
  assert.equal(made.code, 0, made.stderr);
  return { key: readFileSync(key, 'utf8'), certificate: readFileSync(certificate, 'utf8') };
}

describe('a webhook in a pod', { skip, timeout: 120_000 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ nodes: ['node1', 'node2'] });
  });
  after(() => cluster?.stop());

  test('injects a container into the pods of the namespaces it selects', async () => {
    const { key, certificate } = await selfSigned('injector.hooks.svc');
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    await cluster.kubectlOk('create', 'namespace', 'hooks');
    await cluster.kubectlOk('create', 'namespace', 'shop');
    await cluster.kubectlOk('label', 'namespace', 'shop', 'inject=yes');
    await cluster.apply(`
apiVersion: v1
kind: Secret
metadata: {name: injector, namespace: hooks}
type: kubernetes.io/tls
data: {tls.key: ${base64(key)}, tls.crt: ${base64(certificate)}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: injector, namespace: hooks}
data: {server.cjs: ${JSON.stringify(SERVER)}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: injector, namespace: hooks}
spec:
  replicas: 1
  selector: {matchLabels: {app: injector}}
  template:
    metadata: {labels: {app: injector}}
    spec:
      containers:
      - name: injector
        image: node
        args: [node, /code/server.cjs]
        ports: [{containerPort: 8443}]
        readinessProbe: {tcpSocket: {port: 8443}, periodSeconds: 1}
        volumeMounts: [{name: code, mountPath: /code}, {name: tls, mountPath: /tls}]
      volumes: [{name: code, configMap: {name: injector}}, {name: tls, secret: {secretName: injector}}]
---
apiVersion: v1
kind: Service
metadata: {name: injector, namespace: hooks}
spec: {selector: {app: injector}, ports: [{port: 443, targetPort: 8443}]}
`);
    await cluster.kubectlOk('-n', 'hooks', 'rollout', 'status', 'deployment/injector', '--timeout=60s');
    await cluster.apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: injector}
webhooks:
- name: injector.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  clientConfig: {caBundle: ${base64(certificate)}, service: {namespace: hooks, name: injector, path: /inject}}
  namespaceSelector: {matchLabels: {inject: "yes"}}
  rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods]}]
`);
    const names = async (namespace: string) =>
      cluster.kubectlOk('-n', namespace, 'get', 'pod', 'box', '-o', 'jsonpath={.spec.containers[*].name}');
    await cluster.kubectlOk('-n', 'shop', 'run', 'box', '--image=busybox', '--', 'sleep', '1000');
    assert.equal(await names('shop'), 'box sidecar');
    await cluster.kubectlOk('-n', 'shop', 'wait', '--for=condition=Ready', 'pod/box', '--timeout=30s');
    await cluster.kubectlOk('run', 'box', '--image=busybox', '--', 'sleep', '1000');
    assert.equal(await names('default'), 'box', 'not selected');
    assert.equal(await cluster.kubectlOk('-n', 'hooks', 'logs', 'deploy/injector'), 'CREATE Pod shop\n');

    // Fails closed while the webhook is away, and only for what it selects.
    await cluster.kubectlOk('-n', 'hooks', 'scale', 'deployment/injector', '--replicas=0');
    await cluster.kubectlOk('-n', 'hooks', 'wait', '--for=delete', 'pod', '-l', 'app=injector', '--timeout=60s');
    const refused = await cluster.kubectl('-n', 'shop', 'run', 'late', '--image=busybox');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /failed calling webhook "injector\.example\.com": failed to call webhook: /);
  });

  test('pods and Services answer through the API server', async () => {
    await cluster.apply(`
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: web, image: busybox, args: [sh, -c, 'mkdir /www; echo hello > /www/index.html; exec httpd -f -p 8080 -h /www'], ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`);
    await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod/web', '--timeout=30s');
    assert.equal(await cluster.kubectlOk('get', '--raw', '/api/v1/namespaces/default/pods/web:8080/proxy/index.html'), 'hello\n');
    await cluster.kubectlOk(
      'wait',
      '--for=jsonpath={.endpoints[0].conditions.ready}=true',
      'endpointslice',
      '-l',
      'kubernetes.io/service-name=web',
      '--timeout=10s',
    );
    assert.equal(await cluster.kubectlOk('get', '--raw', '/api/v1/namespaces/default/services/web/proxy/'), 'hello\n');
  });
});
