/**
 * Seed 000, complete: deploy, mutual TLS, access control by account, and the way in from outside. As written for Istio 1.1: profile
 * `legacy`, interception by redirection. One data plane runs the seed's own manifests where they are at hand, the other those of `examples/`.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { conformanceData, eventually, examples, type TestCluster } from '../../harness.ts';
import { createNamespace, dataPlanes, settles, startMesh } from '../kit.ts';

const originals = conformanceData('netpol/microsim/k8s_deployments/blog');
const attack = 'username=joe@example.com&password=;UNION%20SELECT%201,%20version()%20limit%201,1--';

for (const { name: mesh, skip } of dataPlanes) {
  const folder = mesh === 'envoy' && originals.skip === false ? originals.path : join(examples, 'sidecar-on-sidecar');
  describe(`seed 000 with the data plane ${mesh}`, { skip, timeout: 420_000 }, () => {
    let cluster: TestCluster;
    before(async () => {
      cluster = await startMesh(mesh, 'palisade: {profile: legacy, interception: redirect}\n');
      await createNamespace(cluster, 'elsewhere');
      await cluster.apply(
        'apiVersion: v1\nkind: Pod\nmetadata: {name: outsider, namespace: elsewhere}\nspec:\n  containers: [{name: c, image: curlimages/curl, command: [sleep, "100000"]}]\n',
      );
    });
    after(() => cluster?.stop());

    const apply = (file: string) => cluster.kubectlOk('apply', '-f', join(folder, file));
    const remove = (file: string) => cluster.kubectlOk('delete', '-f', join(folder, file));
    /** What the body says, then the status; `000` = no answer. */
    const curl = async (from: readonly string[], ...args: string[]) =>
      (await cluster.kubectl('exec', ...from, '--', 'curl', '-s', '-m', '5', '-w', ' %{http_code}', ...args)).stdout.replaceAll('\n', ' ');
    const from = (name: string, ...args: string[]) => curl([`deploy/${name}`, '-c', 'microsimserver'], ...args);
    const outsider = (...args: string[]) => curl(['-n', 'elsewhere', 'outsider'], ...args);
    const podOf = async (app: string) =>
      (await cluster.kubectlOk('get', 'pods', '-l', `app=${app}`, '-o', 'jsonpath={.items[0].status.podIP}')).trim();
    const answered = (app: string) => new RegExp(`hostname: ${app}-\\S+ {3}ip: \\S+ {3}remote: 127\\.0\\.0\\.1 .* 200$`);
    const ingress = async () => {
      const services = await cluster.kubectlOk('get', 'services', '-n', 'istio-system');
      return /^istio-ingressgateway +LoadBalancer +\S+ +(\S+)/m.exec(services)![1]!;
    };
    const visit = async (path = '/'): Promise<string> => {
      try {
        const answer = await fetch(`http://${await ingress()}${path}`, { signal: AbortSignal.timeout(5000) });
        return `${(await answer.text()).replaceAll('\n', ' ').trim()} ${answer.status}`;
      } catch {
        return ' 000';
      }
    };
    const denied = /^RBAC: access denied 403$/;

    test('deploy: three containers and the proxy in each pod; the WAF answers attacks; anybody reaches db, in plain text too', async () => {
      await cluster.kubectlOk('label', 'namespace', 'default', 'istio-injection=enabled');
      const said = await apply('istio-sidecar.yaml');
      for (const kind of ['serviceaccount', 'deployment.apps', 'service'])
        for (const name of ['www', 'auth', 'db']) assert.match(said, new RegExp(`^${kind}/${name} created$`, 'm'));
      for (const name of ['www', 'auth', 'db']) await cluster.kubectlOk('rollout', 'status', `deployment/${name}`, '--timeout=180s');
      const pods = await cluster.kubectlOk('get', 'pods', '--no-headers');
      assert.match(pods, /^www-\S+ +4\/4 +Running/m);
      assert.match(pods, /^db-\S+ +3\/3 +Running/m);
      await settles('auth reaches db', answered('db'), () => from('auth', 'http://db:8080'));
      await settles('so does a pod outside the mesh', answered('db'), () => outsider('http://db.default:8080'));
      assert.match(await from('auth', `http://db:8080/?${attack}`), / 403$/);
      assert.doesNotMatch(await from('auth', `http://db:8080/?${attack}`), denied);
    });

    test('mutual TLS: strangers are refused, the application goes on; auth still reaches db', async () => {
      const said = await apply('istio-mtls-permissive.yaml');
      assert.match(said, /^policy\.authentication\.istio\.io\/default created\ndestinationrule\.networking\.istio\.io\/default created$/m);
      await settles('plain text is refused', /^ 000$/, () => outsider('http://db.default:8080'));
      await settles('auth reaches db', answered('db'), () => from('auth', 'http://db:8080'));
      await settles('www reaches auth', answered('auth'), () => from('www', 'http://auth:8080'));
    });

    test('strict with access control: the whole application is broken until roles say otherwise', async () => {
      await remove('istio-mtls-permissive.yaml');
      await settles('plain text is answered again (control)', answered('db'), () => outsider('http://db.default:8080'));
      assert.match(await apply('istio-mtls-strict.yaml'), /^clusterrbacconfig\.rbac\.istio\.io\/default created$/m);
      for (const target of ['db', 'auth']) await settles(`www to ${target}`, denied, () => from('www', `http://${target}:8080`));
      await settles('plain text', /^ 000$/, () => outsider('http://db.default:8080'));
    });

    test('a first role: www reaches db, nobody else does, and nothing else is open', async () => {
      const said = await apply('istio-rbac-policy-test.yaml');
      assert.match(said, /servicerole\.rbac\.istio\.io\/www-access-role created\nservicerolebinding\.rbac\.istio\.io\/www-to-db created/);
      await settles('www to db', answered('db'), () => from('www', 'http://db:8080'));
      assert.match(await from('www', 'http://auth:8080'), denied);
      assert.match(await from('auth', 'http://db:8080'), denied);
      assert.match(await from('www', '-X', 'DELETE', 'http://db:8080'), denied);
      assert.match(await from('www', `http://db:8080/?${attack}`), / 403$/);
    });

    test('the final roles: auth is denied by name and cut off at the pod’s address', async () => {
      await remove('istio-rbac-policy-test.yaml');
      await apply('istio-rbac-policy-final.yaml');
      await settles('www to auth', answered('auth'), () => from('www', 'http://auth:8080'));
      await settles('www to db', answered('db'), () => from('www', 'http://db:8080'));
      assert.match(await from('auth', 'http://db:8080'), denied);
      assert.match(
        await from('auth', `${await podOf('db')}:8080`),
        /^upstream connect error or disconnect\/reset before headers\. reset reason: connection termination 503$/,
      );
    });

    test('ingress: closed before, then the address of the gateway is answered by www; attacks are not', async () => {
      assert.match(await visit(), / 000$/, 'without a Gateway (control)');
      const said = await apply('istio-ingress.yaml');
      assert.match(
        said,
        /^gateway\.networking\.istio\.io\/www-gateway created\nvirtualservice\.networking\.istio\.io\/www-vservice created$/m,
      );
      await settles('answered by www', answered('www'), () => visit());
      assert.match(await visit(`/?${attack}`), / 403$/);
      await cluster.kubectlOk('delete', 'servicerolebinding', 'pub-to-www');
      await settles('without its role the gateway is denied (control)', denied, () => visit());
      await apply('istio-rbac-policy-final.yaml');
      await settles('and answered again', answered('www'), () => visit());
    });

    test('the application itself goes on: www calls auth and db, and its attacks are answered by the WAF', async () => {
      await eventually('the clients’ own requests', 30_000, async () => {
        const log = (await cluster.kubectl('logs', 'deploy/www', '-c', 'microsimclient', '--tail=50')).stdout;
        return /http:\/\/(?:auth|db)\.default/.test(log);
      });
    });
  });
}
