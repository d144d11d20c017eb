import { Command } from 'commander';
import { examples, FAILED, kubeconfig, run } from './commands/action.ts';
import { addMeshCommands } from './commands/mesh.ts';
import { addNetpolCommands } from './commands/netpol.ts';
import { defaultCluster } from './paths.ts';

const program = new Command('palisade')
  .description('Zero-trust security mesh for microservices: a cluster on this machine, its policies, and what they did.')
  // 1 is the answer "no": a command that was not understood has given none.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : FAILED))
  .showSuggestionAfterError(true);

program
  .command('up')
  .description('start the cluster of this machine, or find it running')
  .option('--nodes <count|names>', 'how many virtual nodes, or their names: 3, or node1,node2,es-node')
  .option('--name <cluster>', 'name of the cluster', defaultCluster)
  .option('--api-port <port>', 'port of the API server on 127.0.0.1 (another one when it is taken)', '6443')
  .option('--images <folder...>', 'folders with image definitions')
  .option('--host-paths <folder>', 'allow hostPath volumes below this folder')
  .option('--mesh [dataplane]', 'data plane of the mesh: "palisade" or "envoy" (fetched by "node scripts/setup/envoy.mjs")', 'palisade')
  .option('--no-mesh', 'without control plane and ingress gateway')
  .option('--json', 'one JSON object on standard output')
  .addHelpText('after', '\nExamples:\n  sudo npx palisade up\n  sudo npx palisade up --nodes node1,node2,es-node')
  .action(run(async () => (await import('./commands/up.ts')).up));

program
  .command('down')
  .description('stop it; objects are kept for the next `up`')
  .option('--purge', 'remove the objects too')
  .option('--name <cluster>', 'name of the cluster', defaultCluster)
  .action(run(async () => (await import('./commands/down.ts')).down));

program
  .command('doctor')
  .description('each requirement of the cluster with its state and remedy')
  .option('--json', 'as JSON')
  .action(run(async () => (await import('./commands/doctor.ts')).doctor));

program
  .command('flows')
  .description('what happened to traffic: verdicts with both ends and the deciding policy')
  .option('-f, --follow', 'keep printing')
  .option('--verdict <verdict>', 'FORWARDED, DROPPED, AUDIT or ERROR')
  .option('--from <pod>', 'source: [namespace/]pod prefix or address')
  .option('--to <pod>', 'destination: [namespace/]pod prefix or address')
  .option('-n, --namespace <namespace>', 'either end in this namespace')
  .option('--protocol <protocol>', 'TCP, UDP, SCTP, ICMPv4, http, dns, waf …')
  .option('--port <port>', 'destination port')
  .option('--last <count>', 'the newest so many', '50')
  .option('--since <duration>', 'not older than: 30s, 5m, 1h')
  .option('-o, --output <format>', 'text or json', 'text')
  .option(...kubeconfig)
  .addHelpText('after', examples('flows --verdict DROPPED', 'flows -f --from default/auth --to default/db -o json'))
  .action(run(async () => (await import('./commands/flows.ts')).flows));

program
  .command('demo')
  .description('the whole story: an insecure application attacked, then protected, measured at each step')
  .option('--once', 'end after the story, with exit code 0 only if every expectation held')
  .option('--json', 'machine-readable result on standard output (implies --once)')
  .action(run(async () => (await import('./commands/demo.ts')).demo));

addNetpolCommands(program);
addMeshCommands(program);

/** What follows a complaint about arguments: where the command at fault is explained. */
function nameHelp(command: Command, path: string): void {
  const shows = command.commands.length === 0 ? 'its options and examples' : 'its commands';
  command.showHelpAfterError(`("${path} --help" shows ${shows})`);
  for (const each of command.commands) nameHelp(each, `${path} ${each.name()}`);
}
nameHelp(program, 'palisade');

await program.parseAsync();
