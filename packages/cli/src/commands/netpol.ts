import type { Command } from 'commander';
import { examples, files, kubeconfig, run } from './action.ts';

/** Adds `palisade netpol …` and `palisade quarantine`. */
export function addNetpolCommands(program: Command): void {
  const netpol = program.command('netpol').description('who may talk to whom: ask, explain, lint, compare, propose');
  const add = (usage: string, description: string, lines: readonly string[]) =>
    netpol
      .command(usage)
      .description(description)
      .option(...kubeconfig)
      .addHelpText('after', examples(...lines.map((line) => `netpol ${line}`)));

  add('can <from> <to>', 'may one reach the other, and which line of YAML decides; exit code 0 yes, 1 no', [
    'can deployment/auth service/db --port 8080',
    'can default/web 203.0.113.7 --port 443',
    'can web db --port 5432 -f manifests/',
  ])
    .option(...files)
    .option('--port <port>', 'destination port (of a Service: its own port); without it all that may pass is summed up')
    .option('--protocol <protocol>', 'TCP, UDP, SCTP, or one without ports such as ICMPv4', 'TCP')
    .option('-n, --namespace <namespace>', 'of ends that do not say', 'default')
    .option('-o, --output <format>', 'text, json or yaml', 'text')
    .action(run(async () => (await import('../netpol/can.ts')).can));

  add('why [flow]', 'what decided a flow: the newest denied one, or a line of "palisade flows -o json" ("-": standard input)', [
    'why',
    'why --from default/auth --to default/db -f examples/sidecar',
    'why - < flow.json',
  ])
    .option('-f, --filename <path...>', 'manifests of the policies: lines of these files are named')
    .option('--from <pod>', 'source of the flow')
    .option('--to <pod>', 'destination of the flow')
    .option('--verdict <verdict>', 'verdict of the flow', 'DROPPED')
    .action(run(async () => (await import('../netpol/why.ts')).why));

  add('list', 'who can reach whom', ['list', 'list -f manifests/ -o dot | dot -Tsvg > map.svg'])
    .option(...files)
    .option('--ipv6', 'outside addresses of IPv6 too')
    .option('-o, --output <format>', 'text, json, csv or dot', 'text')
    .action(run(async () => (await import('../netpol/list.ts')).list));

  add('exposure', 'what pods that do not exist yet could reach, and be reached by', ['exposure', 'exposure -f manifests/ -o json'])
    .option(...files)
    .option('-o, --output <format>', 'text, json or yaml', 'text')
    .action(run(async () => (await import('../netpol/exposure.ts')).exposure));

  add('diff <old> <new>', 'what becomes reachable or unreachable; a folder, a file, or "live"; exit code 1 when something does', [
    'diff manifests/ changed/',
    'diff live changed/',
  ])
    .option('-o, --output <format>', 'text, json or yaml', 'text')
    .action(run(async () => (await import('../netpol/diff.ts')).diff));

  add('lint', 'policies that say something else than they were meant to; exit code 1 when there are any', [
    'lint',
    'lint -f manifests/ -o sarif > netpol.sarif',
  ])
    .option(...files)
    .option('--fail-on <severity>', 'warning, error or never', 'warning')
    .option('-o, --output <format>', 'text, json or sarif', 'text')
    .action(run(async () => (await import('../netpol/lint.ts')).lint));

  add('suggest', 'minimal policies from recorded traffic, replayed before they are printed', [
    'suggest --since 10m -n default > suggested.yaml',
    'suggest --since 1h --strict | kubectl apply --dry-run=server -f -',
  ])
    .option('--since <duration>', 'how far back: 30s, 10m, 1h', '10m')
    .option('-n, --namespace <namespace>', 'only for workloads of this namespace')
    .option('--strict', 'shut directions in which nothing was seen, too')
    .action(run(async () => (await import('../netpol/suggest.ts')).suggest));

  netpol
    .command('new [template]')
    .description('policies to start from, explained; without a name: which there are')
    .option('-n, --namespace <namespace>', 'namespace they are for', 'default')
    .option('--set <name=value...>', 'values of the template')
    .addHelpText(
      'after',
      examples('netpol new default-deny -n shop', 'netpol new egress-allow-list -n shop --set cidr=192.0.2.0/24 port=443'),
    )
    .action(run(async () => (await import('../netpol/new.ts')).newFromTemplate));

  program
    .command('quarantine <kind> <name>')
    .description('cut a pod, or all pods of a deployment, off at once; open connections end')
    .option('--keep-dns', 'let it go on asking the cluster DNS')
    .option('--release', 'lift the quarantine')
    .option('-n, --namespace <namespace>', 'where it is', 'default')
    .option(...kubeconfig)
    .addHelpText('after', examples('quarantine pod www-5d9c7-x2x4q --keep-dns', 'quarantine deployment www --release'))
    .action(run(async () => (await import('./quarantine.ts')).quarantine));
}
