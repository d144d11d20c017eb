/** The end of seed 003's exploit chain: what a stolen bootstrap credential, and the kubelet certificate it buys, can do. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cannotRunClusters, cannotUseOpenssl, eventually, type Output, run, startCluster, type TestCluster } from './harness.ts';

const skip = cannotRunClusters() || cannotUseOpenssl();

const pod = (name: string, node: string) => `apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  nodeName: ${node}
  terminationGracePeriodSeconds: 0
  volumes: [{name: key, secret: {secretName: ${name}-key}}]
  containers: [{name: box, image: busybox, command: [sleep, "3600"], volumeMounts: [{name: key, mountPath: /key}]}]
`;
const secret = (name: string) => `apiVersion: v1\nkind: Secret\nmetadata: {name: ${name}}\nstringData: {key: hidden}\n`;

describe('a stolen kubelet identity', { skip, timeout: 120_000 }, () => {
  let cluster: TestCluster;
  let folder: Awaited<ReturnType<typeof mkdtempDisposable>>;
  let bootstrap: string;
  before(async () => {
    folder = await mkdtempDisposable(join(tmpdir(), 'palisade-node-'));
    cluster = await startCluster({ nodes: ['node1', 'node2'] });
    await cluster.apply([secret('web-key'), secret('db-key'), pod('web', 'node1'), pod('db', 'node2')].join('---\n'));
    await cluster.kubectlOk('create', 'serviceaccount', 'bootstrap', '-n', 'kube-system');
    for (const role of ['system:node-bootstrapper', 'system:certificates.k8s.io:certificatesigningrequests:nodeclient']) {
      const name = `bootstrap-${role.split(':').at(-1)}`;
      await cluster.kubectlOk('create', 'clusterrolebinding', name, `--clusterrole=${role}`, '--serviceaccount=kube-system:bootstrap');
    }
    bootstrap = (await cluster.kubectlOk('create', 'token', 'bootstrap', '-n', 'kube-system')).trim();
    await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s');
  });
  after(async () => {
    await cluster?.stop();
    await folder?.[Symbol.asyncDispose]();
  });

  /** kubectl as somebody else: of the administrator's kubeconfig only the server and its CA are used. */
  async function as(credentials: readonly string[], ...args: string[]): Promise<Output> {
    const config = JSON.parse(readFileSync(cluster.running.kubeconfig, 'utf8'));
    config.users[0].user = {};
    const file = join(folder.path, 'nobody');
    writeFileSync(file, JSON.stringify(config));
    return run('kubectl', [...credentials, ...args], { ...process.env, KUBECONFIG: file });
  }

  /** A CertificateSigningRequest with a new key. */
  async function request(name: string, subject: string, signer: string, usages: readonly string[]): Promise<string> {
    const [key, csr] = [join(folder.path, `${name}.key`), join(folder.path, `${name}.csr`)];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const made = await run('openssl', ['req', '-new', ...curve, '-subj', subject, '-keyout', key, '-out', csr]);
    assert.equal(made.code, 0, made.stderr);
    const manifest = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name },
      spec: { request: readFileSync(csr).toString('base64'), signerName: `kubernetes.io/${signer}`, usages },
    };
    const file = join(folder.path, `${name}.json`);
    writeFileSync(file, JSON.stringify(manifest));
    return file;
  }

  const certificateOf = async (name: string) => {
    const encoded = await eventually('the certificate', 10_000, async () =>
      (await cluster.kubectlOk('get', 'csr', name, '-o', 'jsonpath={.status.certificate}')).trim(),
    );
    const file = join(folder.path, `${name}.crt`);
    writeFileSync(file, Buffer.from(encoded, 'base64'));
    return [`--client-certificate=${file}`, `--client-key=${join(folder.path, `${name}.key`)}`];
  };

  test('the bootstrap credential reads nothing, but buys the certificate of a node', async () => {
    const token = [`--token=${bootstrap}`];
    assert.match((await as(token, 'get', 'secret', 'db-key')).stderr, /cannot get resource "secrets"/);
    const usages = ['digital signature', 'client auth'];
    const file = await request('stolen', '/O=system:nodes/CN=system:node:node2', 'kube-apiserver-client-kubelet', usages);
    const created = await as(token, 'create', '-f', file);
    assert.equal(created.code, 0, created.stderr);
    await certificateOf('stolen');
    assert.match(await cluster.kubectlOk('get', 'csr', 'stolen'), /system:serviceaccount:kube-system:bootstrap .*Approved,Issued/);
  });

  test('with it: what runs on that node, and nothing else', async () => {
    const node = await certificateOf('stolen');
    assert.equal(
      (await as(node, 'get', 'secret', 'db-key', '-o', 'jsonpath={.data.key}')).stdout,
      Buffer.from('hidden').toString('base64'),
    );
    assert.equal((await as(node, 'get', 'pods', '--field-selector=spec.nodeName=node2', '-o', 'name')).stdout.trim(), 'pod/db');
    const refused: [args: string[], why: RegExp][] = [
      [['get', 'secret', 'web-key'], /no relationship found between node 'node2' and this object/],
      [['get', 'secrets'], /Forbidden/],
      [['get', 'pods', '-A'], /can only list\/watch pods with spec.nodeName field selector/],
      [
        ['label', 'node', 'node1', 'a=b', '--overwrite'],
        /cannot read 'node1', only its own Node object|not allowed to modify node "node1"/,
      ],
      [['taint', 'node', 'node2', 'a=b:NoSchedule'], /not allowed to modify taints/],
      [['label', 'node', 'node2', 'node-restriction.kubernetes.io/zone=pci'], /not allowed to modify labels/],
      [['run', 'evil', '--image=busybox'], /can only create mirror pods/],
      [['delete', 'pod', 'web'], /can only delete pods with spec.nodeName set to itself|no relationship/],
      [['create', 'token', 'bootstrap', '-n', 'kube-system'], /no relationship found between node 'node2'/],
      [['exec', 'web', '--', 'id'], /Forbidden|forbidden/],
    ];
    for (const [args, why] of refused) {
      const result = await as(node, ...args);
      assert.notEqual(result.code, 0, args.join(' '));
      assert.match(result.stderr, why, args.join(' '));
      // The control: the same command is possible at all.
      if (args[0] === 'get') await cluster.kubectlOk(...args);
    }
    const another = await request('other', '/O=system:nodes/CN=system:node:node1', 'kube-apiserver-client-kubelet', ['client auth']);
    assert.match((await as(node, 'create', '-f', another)).stderr, /can only create a node CSR with CN=system:node:node2/);
  });

  test('a person approves a client certificate; masters are never given one', async () => {
    const masters = await request('masters', '/O=system:masters/CN=root', 'kube-apiserver-client', ['client auth']);
    assert.match((await cluster.kubectl('create', '-f', masters)).stderr, /signer with system:masters group is not allowed/);
    const file = await request('alice', '/CN=alice', 'kube-apiserver-client', ['client auth']);
    await cluster.kubectlOk('create', '-f', file);
    await cluster.kubectlOk('certificate', 'approve', 'alice');
    const alice = await certificateOf('alice');
    const who = await as(alice, 'auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}');
    assert.equal(who.stdout, 'alice', who.stderr);
    assert.match((await as(alice, 'get', 'pods')).stderr, /User "alice" cannot list resource "pods"/);
    const denied = await request('mallory', '/CN=mallory', 'kube-apiserver-client', ['client auth']);
    await cluster.kubectlOk('create', '-f', denied);
    await cluster.kubectlOk('certificate', 'deny', 'mallory');
    assert.match(await cluster.kubectlOk('get', 'csr', 'mallory'), /Denied/);
  });
});
