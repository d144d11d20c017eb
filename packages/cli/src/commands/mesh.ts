import type { Command } from 'commander';
import { examples, files, kubeconfig, run } from './action.ts';

const output = ['-o, --output <format>', 'text, json or yaml', 'text'] as const;
const root = ['-i, --istio-namespace <namespace>', 'where the control plane runs', 'istio-system'] as const;

/** A question to the mesh: of a cluster or of manifests, answered as text or for programs. */
function question(command: Command, lines: readonly string[], load: Parameters<typeof run>[0]): void {
  command
    .option(...files)
    .option(...root)
    .option(...output)
    .option(...kubeconfig)
    .addHelpText('after', examples(...lines))
    .action(run(load));
}

/** Adds the commands of the mesh. */
export function addMeshCommands(program: Command): void {
  program
    .command('proxy-status [pod]')
    .alias('ps')
    .description('has each proxy taken what the control plane sent; of one pod: does it run that; exit code 1 when not')
    .option('-n, --namespace <namespace>', 'only proxies of this namespace')
    .option(...root)
    .option(...output)
    .option(...kubeconfig)
    .addHelpText('after', examples('proxy-status', 'proxy-status details-v1-5d9c7-x2x4q.shop', 'proxy-status -o json'))
    .action(run(async () => (await import('../mesh/proxy-status.ts')).proxyStatus));

  program
    .command('proxy-config <part> [pod]')
    .alias('pc')
    .description('what a proxy runs with: listeners, routes, clusters, endpoints, secrets or all')
    .option('-n, --namespace <namespace>', 'of a pod that does not say', 'default')
    .option('--fqdn <name>', 'clusters: of this service')
    .option('--subset <name>', 'clusters: of this subset')
    .option('--direction <direction>', 'clusters: inbound or outbound')
    .option('--port <port>', 'clusters, listeners, endpoints: of this port')
    .option('--address <address>', 'listeners, endpoints: of this address')
    .option('--type <type>', 'listeners: HTTP or TCP')
    .option('--name <name>', 'routes: of this name')
    .option('--cluster <name>', 'endpoints: of this cluster')
    .option('--status <status>', 'endpoints: healthy or unhealthy')
    .option('--file <file>', 'a config_dump that was saved, instead of a pod')
    .option(...output)
    .option(...kubeconfig)
    .addHelpText(
      'after',
      examples(
        'proxy-config clusters deploy/details -n shop',
        'pc listeners details-v1-5d9c7-x2x4q.shop --port 15006',
        'pc all web -o json',
      ),
    )
    .action(run(async () => (await import('../mesh/proxy-config/proxy-config.ts')).proxyConfig));

  const authz = program.command('authz').description('who may call whom: AuthorizationPolicies and what decides');
  question(
    authz
      .command('check <pod>')
      .description('the policies that apply to a pod, and whether its proxy runs them; exit code 1 when not')
      .option('-n, --namespace <namespace>', 'of a pod that does not say', 'default'),
    ['authz check deploy/details-v1', 'authz check details-v1 -f examples/bookinfo'],
    async () => (await import('../mesh/authz/check.ts')).check,
  );
  question(
    authz
      .command('explain')
      .description('the verdict on one call, the rule and line that decide, and what would change it; exit code 0 allowed, 1 denied')
      .requiredOption('--from <pod>', 'who calls: POD, KIND/NAME, NAMESPACE/NAME; outside or an address: a visitor to a gateway')
      .requiredOption(
        '--to <destination>',
        'service, or pod with its port: details, details.shop:9080, pod/details-1:9080; from outside a host: https://a.example',
      )
      .option('--port <port>', 'of the service or pod')
      .option('--method <method>', 'of the request', 'GET')
      .option('--path <path>', 'of the request', '/')
      .option('--header <header...>', 'of the request: "name: value"')
      .option('--jwt <token>', 'its token, or a token’s claims as JSON; the signature is taken to be good')
      .option(
        '--live',
        'send the request too, with curl from the caller’s container, from outside as this machine; exit code 2 when the answer is another',
      )
      .option('-n, --namespace <namespace>', 'of ends that do not say', 'default'),
    [
      'authz explain --from deploy/productpage-v1 --to details --path /details/0 --live',
      'authz explain --from outside --to https://shop.example --path /admin',
      'authz explain --from ratings-v1 --to details:9080 --method POST -f examples/bookinfo',
      `authz explain --from web --to api --jwt '{"iss":"https://issuer","sub":"ann"}'`,
    ],
    async () => (await import('../mesh/authz/explain.ts')).explain,
  );

  const authn = program.command('authn').description('mutual TLS between workloads');
  question(
    authn
      .command('tls-check [pod] [host]')
      .description('do client and server agree on TLS, by service and port; exit code 1 when any does not')
      .option('-n, --namespace <namespace>', 'of a pod that does not say', 'default'),
    ['authn tls-check', 'authn tls-check deploy/fruits-catalog mongodb.fruits-catalog.svc.cluster.local -n fruits-catalog'],
    async () => (await import('../mesh/authn/tls-check.ts')).tlsCheck,
  );

  question(
    program
      .command('describe <kind> <name>')
      .alias('x')
      .description('what the mesh does with a pod or service')
      .option('-n, --namespace <namespace>', 'of a name that does not say', 'default'),
    ['describe pod details-v1', 'x service reviews -n default'],
    async () => (await import('../mesh/describe.ts')).describe,
  );

  program
    .command('convert')
    .description('kinds of Istio 1.1 as today’s; exit code 1 when something cannot be said in them')
    .requiredOption('-f, --filename <path...>', 'manifests with the old kinds and the services they are for')
    .option('--style <style>', 'strict keeps every verdict; istioctl repeats that tool’s output', 'strict')
    .option('--cluster-domain <domain>', 'suffix of service names', 'cluster.local')
    .option(...root)
    .option('-o, --output <format>', 'yaml or json', 'yaml')
    .addHelpText('after', examples('convert -f old/ > policies.yaml'))
    .action(run(async () => (await import('../mesh/convert.ts')).convert));

  program
    .command('inject')
    .description('manifests with their proxies, as the webhook would make them')
    .requiredOption('-f, --filename <path...>', 'manifests')
    .option('--dataplane <dataplane>', 'palisade or envoy', 'palisade')
    .option('--interception <kind>', 'redirect or inline', 'redirect')
    .option('--trust-domain <domain>', 'of the mesh')
    .option(...root)
    .option('-o, --output <format>', 'yaml or json', 'yaml')
    .addHelpText('after', examples('inject -f app.yaml | kubectl apply -f -'))
    .action(run(async () => (await import('../mesh/inject.ts')).inject));

  const ca = program.command('ca').description('the authority that signs workload certificates');
  ca.command('root')
    .description('the trust anchors, and which one signs')
    .option(...root)
    .option(...output)
    .option(...kubeconfig)
    .addHelpText('after', examples('ca root', 'ca root -o json'))
    .action(run(async () => (await import('../mesh/ca.ts')).root));
  ca.command('rotate')
    .description('make a new root: distributed beside the old one first, then signing')
    .option(...root)
    .option(...output)
    .option(...kubeconfig)
    .addHelpText('after', examples('ca rotate', 'ca root      # how far it is'))
    .action(run(async () => (await import('../mesh/ca.ts')).rotate));
}
