/** @throws Error for what is no port */
export function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535)
    throw new Error(`Cannot use --port "${text}": expected a number from 1 to 65535`);
  return port;
}
