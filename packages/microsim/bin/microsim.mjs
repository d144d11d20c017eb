#!/usr/bin/env node
// microsim server | client, from a clone: for trying by hand, on loopback only (README).
const program = process.argv[2];
if (program === 'server' || program === 'client') await import(`../src/${program}.ts`);
else {
  console.error('Usage: microsim server|client    (parameters are environment variables, see README.md)');
  process.exitCode = 2;
}
