import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExecCredential, runExecPlugin } from './exec-credential.ts';
import { inClusterAccess, loadKubeconfig } from './kubeconfig.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const config = (user: string, cluster = 'server: https://127.0.0.1:6443/') => `apiVersion: v1
kind: Config
current-context: here
contexts:
- {name: here, context: {cluster: c, user: u, namespace: shop}}
- {name: there, context: {cluster: c}}
clusters:
- {name: c, cluster: {${cluster}}}
users:
- {name: u, user: {${user}}}
`;

test('inline data, files beside the kubeconfig, tokens', () => {
  assert.deepEqual(
    loadKubeconfig(
      config(
        `client-certificate-data: ${base64('CERT')}, client-key-data: ${base64('KEY')}`,
        `server: "https://h/", certificate-authority-data: ${base64('CA')}, tls-server-name: x`,
      ),
    ),
    {
      server: 'https://h',
      namespace: 'shop',
      insecureSkipTlsVerify: false,
      certificateAuthority: 'CA',
      tlsServerName: 'x',
      clientCertificate: 'CERT',
      clientKey: 'KEY',
    },
  );
  const files: Record<string, string> = { '/k/config': config('client-certificate: c.pem, tokenFile: tok'), '/k/c.pem': 'PEM' };
  const access = loadKubeconfig('/k/config', { readFile: (path) => files[path]! });
  assert.equal(access.clientCertificate, 'PEM');
  assert.equal(access.tokenFile, '/k/tok');
  assert.equal(loadKubeconfig(config('token: t'), { context: 'there' }).token, undefined, 'a context without user is anonymous');
});

test('what cannot be honoured is refused by name', () => {
  const cases: [string, RegExp][] = [
    [config('auth-provider: {name: gcp}'), /user "u": "auth-provider" is not supported/],
    [
      config('exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1}'),
      /found apiVersion "client.authentication.k8s.io\/v1alpha1"/,
    ],
    [config('exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}'), /wants a terminal/],
    [config('username: a, password: b'), /"username" is not supported/],
    [config('token: t', 'server: 127.0.0.1'), /found server "127.0.0.1", wanted an https URL/],
    [config('token: t').replace('current-context: here', 'current-context: nowhere'), /contexts holds no "nowhere"/],
    ['kind: Config\n', /current-context is not set/],
    ['a: [\n', /Cannot parse kubeconfig/],
  ];
  for (const [text, message] of cases) assert.throws(() => loadKubeconfig(text), message);
});

test('inside a pod', () => {
  assert.equal(inClusterAccess({}), undefined);
  const access = inClusterAccess({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }, (path) => path.split('/').at(-1)!);
  assert.equal(access?.server, 'https://[fd00::1]:443');
  assert.equal(access?.namespace, 'namespace');
});

const EXEC = 'client.authentication.k8s.io/v1';

test('a credential plug-in is run with its arguments and environment, and its answer checked', async () => {
  const script =
    'console.log(JSON.stringify({kind:"ExecCredential",apiVersion:JSON.parse(process.env.KUBERNETES_EXEC_INFO).apiVersion,status:{token:process.env.T,expirationTimestamp:"2026-01-01T00:00:00Z"}}))';
  const user = `exec: {apiVersion: ${EXEC}, command: "${process.execPath}", args: ["-e", ${JSON.stringify(script)}], env: [{name: T, value: secret}]}`;
  const { execPlugin } = loadKubeconfig(config(user));
  assert.deepEqual(await runExecPlugin(execPlugin!), { token: 'secret', expiresMs: Date.parse('2026-01-01T00:00:00Z') });
  await assert.rejects(
    runExecPlugin({ apiVersion: EXEC, command: '/nonexistent/plug-in', args: [], env: {}, installHint: 'install it so' }),
    /Cannot run credential plug-in "\/nonexistent\/plug-in".*\ninstall it so/s,
  );
  const refused: [string, RegExp][] = [
    ['hello', /found no JSON/],
    ['null', /found kind undefined/],
    [`{"kind":"ExecCredential","apiVersion":"${EXEC}beta1"}`, /v1beta1/],
    [`{"kind":"ExecCredential","apiVersion":"${EXEC}","status":{}}`, /found no token/],
    [`{"kind":"ExecCredential","apiVersion":"${EXEC}","status":{"clientCertificateData":"x"}}`, /found a client certificate/],
  ];
  for (const [text, message] of refused) assert.throws(() => parseExecCredential(text, { command: 'c', apiVersion: EXEC }), message);
});

test('a bare plug-in name is looked up in PATH, one with a slash beside the kubeconfig', () => {
  const command = (text: string) =>
    loadKubeconfig('/k/config', { readFile: () => config(`exec: {apiVersion: ${EXEC}, command: ${text}}`) }).execPlugin?.command;
  assert.deepEqual(['aws', './aws', '/bin/aws'].map(command), ['aws', '/k/aws', '/bin/aws']);
});
