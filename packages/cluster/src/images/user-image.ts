import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import type { ImageDefinition, ImageFile } from './image.ts';
import { normaliseRepository } from './reference.ts';

/** A user's image file is wrong; says file, field, found and wanted. Refused whole. */
export class UserImageError extends Error {
  readonly code = 'BAD_IMAGE_FILE';
  override readonly name = 'UserImageError';
}

/** Images that users add: one YAML document a file, read by `parseUserImage`. */
export async function readUserImages(folder: string): Promise<ImageDefinition[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const files = names.filter((name) => /\.ya?ml$/.test(name)).sort();
  return Promise.all(files.map(async (name) => parseUserImage(join(folder, name), await readFile(join(folder, name), 'utf8'))));
}

const FIELDS: Readonly<Record<string, string>> = {
  names: 'a list of repositories',
  command: 'a list of words',
  args: 'a list of words',
  env: 'a map of text',
  user: '"UID" or "UID:GID"',
  workingDir: 'an absolute path',
  files: 'a list of {path, content, mode}',
  binds: 'a list of {source, target}',
  ports: 'a list of port numbers',
};

/**
 * @param file for messages
 * @throws UserImageError
 */
export function parseUserImage(file: string, text: string): ImageDefinition {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const fail = (what: string, line = 1): never => {
    throw new UserImageError(`Cannot read image file ${file}:${line}: ${what}`);
  };
  const first = document.errors[0];
  if (first) fail(first.message.split('\n')[0]!, lines.linePos(first.pos[0]).line);
  const value: unknown = document.toJS();
  if (!isMap(value)) return fail(`found ${describe(value)}, expected a map with "names" and "command"`);
  const wrong = (field: string) => fail(`field "${field}": found ${describe(value[field])}, expected ${FIELDS[field]}`);
  for (const field of Object.keys(value)) {
    if (FIELDS[field] === undefined) fail(`unknown field "${field}", expected one of ${Object.keys(FIELDS).join(', ')}`);
  }
  const { names, command, args, env, user, workingDir, files, binds, ports } = value;
  if (!isTexts(names) || names.length === 0) return wrong('names');
  if (!isTexts(command) || command.length === 0) return wrong('command');
  if (args !== undefined && !isTexts(args)) return wrong('args');
  if (env !== undefined && !isScalarMap(env)) return wrong('env');
  const identity = user === undefined ? undefined : /^(\d{1,9})(?::(\d{1,9}))?$/.exec(String(user));
  if (identity === null) return wrong('user');
  if (workingDir !== undefined && !isPath(workingDir)) return wrong('workingDir');
  if (files !== undefined && !(Array.isArray(files) && files.every(isFile))) return wrong('files');
  if (binds !== undefined && !(Array.isArray(binds) && binds.every(isBind))) return wrong('binds');
  if (ports !== undefined && !(Array.isArray(ports) && ports.every((port) => Number.isInteger(port) && port > 0 && port < 65536)))
    return wrong('ports');
  return {
    names: names.map(normaliseRepository),
    entrypoint: command,
    ...(args === undefined ? {} : { args }),
    ...(env === undefined ? {} : { env: Object.fromEntries(Object.entries(env).map(([key, each]) => [key, String(each)])) }),
    ...(identity === undefined ? {} : { user: { uid: Number(identity[1]), gid: Number(identity[2] ?? identity[1]) } }),
    ...(workingDir === undefined ? {} : { workingDir }),
    ...(files === undefined ? {} : { files: files.map(toFile) }),
    ...(binds === undefined ? {} : { binds }),
    ...(ports === undefined ? {} : { exposedPorts: ports }),
  };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string' && each !== '');
}

function isScalarMap(value: unknown): value is Record<string, string | number | boolean> {
  return isMap(value) && Object.values(value).every((each) => ['string', 'number', 'boolean'].includes(typeof each));
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('/') && !value.split('/').includes('..');
}

function isFile(value: unknown): value is { path: string; content: string; mode?: string | number } {
  if (!isMap(value) || !isPath(value['path']) || typeof value['content'] !== 'string') return false;
  const { mode } = value;
  return mode === undefined || (typeof mode === 'number' && Number.isInteger(mode)) || /^0?[0-7]{3,4}$/.test(String(mode));
}

/** Modes as people write them: `0644`, `644` or YAML's own octal `0o644`, which arrives as the number 420. */
function toFile(file: { path: string; content: string; mode?: string | number }): ImageFile {
  const { mode } = file;
  if (mode === undefined) return { path: file.path, content: file.content };
  const digits = String(mode);
  const isOctalText = /^0?[0-7]{3,4}$/.test(digits) && !(typeof mode === 'number' && mode === 420);
  return { path: file.path, content: file.content, mode: isOctalText ? Number.parseInt(digits, 8) : Number(mode) };
}

function isBind(value: unknown): value is { source: string; target: string } {
  return isMap(value) && isPath(value['source']) && isPath(value['target']);
}

function describe(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value)?.slice(0, 80);
}
