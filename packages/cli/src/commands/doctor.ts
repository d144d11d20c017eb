import { checkRequirements } from '../doctor/requirements.ts';
import { renderTable } from '../table.ts';

/** `palisade doctor`. @returns 0 when a cluster can start here */
export async function doctor(raw: Record<string, unknown>): Promise<number> {
  const requirements = checkRequirements();
  if (raw['json']) console.log(JSON.stringify(requirements, null, 2));
  else {
    const rows = requirements.map(({ ok, level, name, found, remedy }) => [
      ok ? 'ok' : level === 'needed' ? 'MISSING' : 'missing',
      name,
      found,
      ok ? '' : remedy,
    ]);
    console.log(renderTable(['STATE', 'REQUIREMENT', 'FOUND', 'REMEDY'], rows));
  }
  return requirements.every(({ ok, level }) => ok || level === 'wanted') ? 0 : 1;
}
