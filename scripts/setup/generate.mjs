// Sources that are generated rather than committed. A room that needs this has scripts/generate.mjs exporting `generate(say)`.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './paths.mjs';

export async function generateSources(say) {
  for (const room of readdirSync(join(root, 'packages'))) {
    const script = join(root, 'packages', room, 'scripts', 'generate.mjs');
    if (!existsSync(script)) continue;
    const { generate } = await import(pathToFileURL(script).href);
    await generate(say);
  }
}
