import { parseArgs } from 'node:util';
import { runProxy } from './proxy.ts';

const usage = `palisade-waf: SecLang and the OWASP Core Rule Set in Node.js

  palisade-waf proxy [--rules FOLDER] [--port N] [--host ADDRESS] [--backend URL] [--preserve-host On|Off] [--audit-log FILE]
      Reverse proxy, set by the variables of the owasp/modsecurity-crs image (BACKEND, PORT, BLOCKING_PARANOIA, MODSEC_…).

FOLDER is an unpacked Core Rule Set; default /usr/share/modsecurity-crs.
`;

/** @returns the exit code: 0 fine, 1 a verdict or a refused file, 2 wrong use */
export async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  try {
    switch (command) {
      case 'proxy':
        return await proxy(rest);
      case undefined:
      case 'help':
      case '--help':
      case '-h':
        process.stdout.write(usage);
        return command === undefined ? 2 : 0;
      default:
        process.stderr.write(`Unknown command "${command}"\n\n${usage}`);
        return 2;
    }
  } catch (error) {
    process.stderr.write(`palisade-waf ${command}: ${(error as Error).message}\n`);
    return (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') ? 2 : 1;
  }
}

const rulesOption = { type: 'string', default: '/usr/share/modsecurity-crs' } as const;

async function proxy(args: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { rules: rulesOption, port: text, host: text, backend: text, 'preserve-host': text, 'audit-log': text },
  });
  const given = {
    PORT: values.port,
    BACKEND: values.backend,
    PROXY_PRESERVE_HOST: values['preserve-host'],
  };
  const overrides = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return await runProxy({ rules: values.rules, host: values.host, auditFile: values['audit-log'], env: { ...process.env, ...overrides } });
}
