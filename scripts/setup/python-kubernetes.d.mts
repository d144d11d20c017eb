export function findPythonKubernetes(): string | undefined;
