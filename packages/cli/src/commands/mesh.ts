import type { Command } from 'commander';
import { run } from './action.ts';

const kubeconfig = ['--kubeconfig <file>', 'which cluster (default: KUBECONFIG, then the cluster of this machine)'] as const;
const output = ['-o, --output <format>', 'text, json or yaml', 'text'] as const;
const root = ['-i, --istio-namespace <namespace>', 'where the control plane runs', 'istio-system'] as const;

const examples = (...lines: string[]) => `\nExamples:\n${lines.map((line) => `  palisade ${line}`).join('\n')}`;

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
}
