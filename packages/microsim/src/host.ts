/** The edges both programs stand on, as arguments so that tests replace them. */
import { lookup } from 'node:dns/promises';
import { hostname, networkInterfaces } from 'node:os';
import { ConfigurationError, type Environment } from './environment.ts';

export interface Host {
  readonly env: Environment;
  now(): Date;
  random(): number;
  /** One line to standard output. */
  print(line: string): void;
  /** Ends the program with 1 after the message on standard error. */
  exit(message: string): void;
  readonly name: string;
  /** First own address that is not loopback, IPv4 before IPv6. */
  readonly ip: string;
  lookup(name: string): Promise<string>;
}

export function processHost(): Host {
  return {
    env: process.env,
    now: () => new Date(),
    random: Math.random,
    print: (line) => console.log(line),
    exit(message) {
      console.error(message);
      process.exitCode = 1;
      process.exit();
    },
    name: hostname(),
    ip: ownAddress(),
    lookup: async (name) => (await lookup(name)).address,
  };
}

function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const outer = addresses.filter((entry) => !entry.internal);
  return (outer.find((entry) => entry.family === 'IPv4') ?? outer[0] ?? addresses[0])?.address ?? '127.0.0.1';
}

/** Runs a program on this process: a bad variable and a taken port end it with one line; SIGTERM and SIGINT end it at once. */
export async function runOnProcess(start: (host: Host) => Promise<unknown>): Promise<void> {
  // A container's first process has no default signal actions.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
  const host = processHost();
  try {
    await start(host);
  } catch (error) {
    const isExpected = error instanceof ConfigurationError || (error as NodeJS.ErrnoException).code !== undefined;
    host.exit(isExpected ? `microsim: ${(error as Error).message}` : String((error as Error).stack));
  }
}
