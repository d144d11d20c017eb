export function findEnvoy(): string | undefined;
export function installEnvoy(say: (line: string) => void): string | undefined;
