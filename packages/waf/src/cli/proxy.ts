import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { coreRuleSet, loadEngine } from '../adapters/files.ts';
import { createProxy } from '../adapters/proxy/server.ts';
import { readProxySettings } from '../adapters/proxy/settings.ts';

export interface ProxyArguments {
  readonly rules: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly host: string | undefined;
  /** A file that gets the audit log besides the place that MODSEC_AUDIT_LOG names; alone when none is named. */
  readonly auditFile: string | undefined;
}

/** Run until SIGTERM or SIGINT. SIGHUP loads the rules anew; when they are refused, those in force stay. */
export async function runProxy({ rules, env, host, auditFile }: ProxyArguments): Promise<number> {
  const settings = readProxySettings(env);
  const load = () => loadEngine(coreRuleSet(rules, { before: settings.directives }));
  let engine = load();
  const named = env['MODSEC_AUDIT_LOG'] || auditFile === undefined ? [settings.auditLog] : [];
  const files = new Set([...named, ...(auditFile === undefined ? [] : [auditFile])]);
  const logs = [...files].map((file) => (file === '/dev/stdout' ? process.stdout : createWriteStream(file, { flags: 'a' })));
  const server = createProxy({
    settings,
    engine: () => engine,
    writeAudit: (entry) => {
      for (const log of logs) log.write(entry);
    },
    now: Date.now,
    newId: randomUUID,
  });
  const ended = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  process.on('SIGHUP', () => {
    try {
      engine = load();
      console.error(`${engine.ruleSet.rules.length} rules loaded anew`);
    } catch (error) {
      console.error(`The rules in force stay: ${(error as Error).message}`);
    }
  });
  server.listen(settings.port, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  console.error(`${engine.ruleSet.rules.length} rules; listening on port ${port}, passing on to ${settings.backend.href}`);
  await ended;
  server.close();
  server.closeIdleConnections();
  const isClosed = once(server, 'close');
  // Open event streams never end by themselves.
  const timer = setTimeout(() => server.closeAllConnections(), 5000);
  await isClosed;
  clearTimeout(timer);
  await Promise.all(logs.filter((log) => log !== process.stdout).map((log) => new Promise((done) => log.end(() => done(undefined)))));
  return 0;
}
