/** Runs in a network namespace of its own (original-destination.test.ts): redirects, as in a pod, and the proxy behind them. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { parseBootstrap, staticResources } from '../config/bootstrap.ts';
import { DataPlane } from '../proxy.ts';
import { plainHop } from '../testing/mesh-bootstrap.ts';

const nft = process.argv[2]!;
const run = (...command: [string, ...string[]]) => execFileSync(command[0], command.slice(1), { stdio: ['ignore', 'ignore', 'inherit'] });
run('ip', 'link', 'set', 'lo', 'up');
run('ip', 'addr', 'add', '10.9.0.1/32', 'dev', 'lo');
run('ip', 'addr', 'add', 'fd00::9/128', 'dev', 'lo', 'nodad');
run('ip', 'addr', 'add', '::6/128', 'dev', 'lo', 'nodad');
execFileSync(nft, ['-f', '-'], {
  input: `table inet t { chain out { type nat hook output priority -100;
    ip saddr 127.0.0.6 return
    ip6 saddr ::6 return
    tcp dport { 9000, 9001 } redirect to :15001
  }
}
`,
  stdio: ['pipe', 'ignore', 'inherit'],
});
const application = createServer((request, response) =>
  response.end(`${request.socket.localAddress} ${request.socket.localPort} from ${request.socket.remoteAddress}`),
).listen(9000, '::');
await once(application, 'listening');
const base = plainHop({ listenPort: 15_001, adminPort: 0, upstreamPort: 1, logPath: '', statPrefix: 'out' }, []);
const bind = (address: string) => ({ address, port_value: 0 });
const bootstrap = {
  ...base,
  static_resources: {
    listeners: [
      {
        ...base.static_resources.listeners[0],
        address: { socket_address: { address: '0.0.0.0', port_value: 15_001 } },
        additional_addresses: [{ address: { socket_address: { address: '::', port_value: 15_001 } } }],
        listener_filters: [
          { name: 'o', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst' } },
        ],
      },
    ],
    clusters: [
      {
        name: 'next',
        type: 'ORIGINAL_DST',
        lb_policy: 'CLUSTER_PROVIDED',
        upstream_bind_config: { source_address: bind('127.0.0.6'), extra_source_addresses: [{ address: bind('::6') }] },
      },
    ],
  },
};
const plane = new DataPlane();
await plane.apply(staticResources(parseBootstrap(JSON.stringify(bootstrap), 'worker')));
const read = async (url: string) => {
  const response = await fetch(url, { headers: { connection: 'close' }, signal: AbortSignal.timeout(5000) });
  return `${response.status} ${await response.text()}`;
};
const answers = [await read('http://10.9.0.1:9000/'), await read('http://[fd00::9]:9000/'), await read('http://10.9.0.1:9001/')];
plane.close();
// Without the proxy the redirection leads nowhere, and not to the application.
answers.push(await read('http://10.9.0.1:9000/').catch(() => 'closed'));
console.log(JSON.stringify(answers));
application.closeAllConnections();
application.close();
process.exit(0);
