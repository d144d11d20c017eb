/** Nothing is lost while certificates, listeners and clusters change, and while bad ones are refused. The client counts. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { parseBootstrap, staticResources } from './config/bootstrap.ts';
import { DataPlane, type Update } from './proxy.ts';
import { allowGetFrom, clientHop, makeIdentities, serverHop, type TestIdentity } from './testing/mesh-bootstrap.ts';

const wanted = 10_000;
let application: Server;
const agent = new Agent({ keepAlive: true, maxSockets: 16 });
const planes: DataPlane[] = [];

before(async () => {
  application = createServer((incoming, response) => {
    incoming.resume();
    response.end('ok');
  }).listen(0, '127.0.0.1');
  await once(application, 'listening');
});

after(() => {
  agent.destroy();
  for (const plane of planes) plane.close();
  application.closeAllConnections();
  application.close();
});

/** Certificates by name instead of inline, as the mesh has them. */
function bySds(config: unknown): Update {
  const common = { tls_certificate_sds_secret_configs: [{ name: 'default', sds_config: { ads: {} } }] };
  const text = JSON.stringify(config, (key, value) =>
    key === 'common_tls_context' ? { ...value, tls_certificates: undefined, ...common } : value,
  );
  return staticResources(parseBootstrap(text, 'test'));
}

function secret(identity: TestIdentity): Update {
  const certificate = { certificate_chain: { inline_string: identity.certPem }, private_key: { inline_string: identity.keyPem } };
  const bootstrap = { static_resources: { secrets: [{ name: 'default', tls_certificate: certificate }] } };
  return { secrets: staticResources(parseBootstrap(JSON.stringify(bootstrap), 'test')).secrets! };
}

const options = (upstreamPort: number, statPrefix: string) => ({ listenPort: 0, adminPort: 0, upstreamPort, logPath: '', statPrefix });

function send(port: number, index: number): Promise<boolean> {
  return new Promise((resolve) => {
    const isPost = index % 3 === 0;
    const outgoing = request({ agent, host: '127.0.0.1', port, path: `/n${index}`, method: isPost ? 'POST' : 'GET' }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode === 200));
    });
    outgoing.once('error', () => resolve(false));
    outgoing.end(isPost ? 'x'.repeat(index % 20_000) : undefined);
  });
}

test(`${wanted} requests while everything changes: none is lost`, { timeout: 240_000 }, async () => {
  // The same two workloads, certified six times by one authority.
  const certified = await makeIdentities(Array.from({ length: 6 }, () => ['client', 'server']).flat());
  const clients = certified.filter((_, index) => index % 2 === 0);
  const servers = certified.filter((_, index) => index % 2 === 1);
  const appPort = (application.address() as AddressInfo).port;
  const start = async (update: Update, identity: TestIdentity) => {
    const plane = new DataPlane();
    planes.push(plane);
    await plane.apply({ ...update, ...secret(identity) });
    return { plane, port: plane.addressOf('main')!.port };
  };
  const serverUpdate = (round: number) => bySds(serverHop(options(appPort, `in${round % 2}`), servers[0]!, allowGetFrom(clients[0]!.uri)));
  const server = await start(serverUpdate(0), servers[0]!);
  const clientUpdate = (round: number) => bySds(clientHop(options(server.port, `out${round % 2}`), clients[0]!, [servers[0]!.uri]));
  const client = await start(clientUpdate(0), clients[0]!);
  const bad = bySds(
    serverHop(options(appPort, 'bad'), servers[0]!, { action: 'ALLOW', policies: { p: { permissions: [{}], principals: [] } } }),
  );

  let sent = 0;
  let lost = 0;
  let refused = 0;
  let changes = 0;
  const load = Array.from({ length: 16 }, async () => {
    while (sent < wanted) if (!(await send(client.port, sent++))) lost++;
  });
  const changing = (async () => {
    for (let done = 0; sent < wanted; ) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (sent - done < 250) continue;
      done = sent;
      changes++;
      const turn = changes % 6;
      await server.plane.apply(secret(servers[turn]!));
      await client.plane.apply(secret(clients[turn]!));
      // Listeners and clusters in turns; the application's cluster is replaced with its pool.
      if (turn === 1) await server.plane.apply(serverUpdate(changes));
      if (turn === 3) await client.plane.apply(clientUpdate(changes));
      if (turn === 5) await server.plane.apply(bad).catch(() => refused++);
    }
  })();
  await Promise.all([...load, changing]);
  assert.equal(lost, 0, `${lost} of ${sent} requests, ${changes} changes`);
  assert.ok(sent >= wanted && changes >= 20 && refused >= 3, `${sent} requests, ${changes} changes, ${refused} refused`);
});
