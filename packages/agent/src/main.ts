/**
 * `intercept` and `intercept-waf` install a redirection and end, `wait` ends when the proxy is ready, `proxy sidecar` runs the agent with
 * its proxy. Each loads only what it needs: every pod starts them all.
 */
import { spawnSync } from 'node:child_process';

/** Istio's. */
const readyTimeoutMs = 60_000;
const commands: Readonly<Record<string, () => Promise<void>>> = {
  async intercept() {
    // The address that marks the proxy's connections to the application; IPv4 has all of 127.0.0.0/8 already.
    spawnSync('ip', ['addr', 'replace', '::6/128', 'dev', 'lo'], { stdio: 'inherit' });
    const { readCapture, renderInterception } = await import('./intercept.ts');
    install(renderInterception(readCapture(process.env)));
  },
  async 'intercept-waf'() {
    const { renderWafInterception } = await import('./intercept.ts');
    install(renderWafInterception(process.env));
  },
  async wait() {
    const { waitUntilReady } = await import('./readiness.ts');
    await waitUntilReady(readyTimeoutMs);
  },
  async proxy() {
    const { runProxy } = await import('./run-proxy.ts');
    await runProxy();
  },
};
const command = commands[process.argv[2] ?? ''];
if (command === undefined) {
  console.error(`found "${process.argv[2] ?? ''}", expected ${Object.keys(commands).join(', ')}`);
  process.exit(2);
}
await command();

function install(rules: string): void {
  const result = spawnSync('nft', ['-f', '-'], { input: rules, stdio: ['pipe', 'inherit', 'inherit'] });
  if (result.status !== 0) {
    console.error(`nft could not install the rules: ${result.error?.message ?? `exit code ${result.status}`}`);
    process.exit(1);
  }
  console.log(rules);
}
