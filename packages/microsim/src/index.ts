export { GENERATED_NAMES, MALWARE_URL, MIRROR_URLS } from './outside-names.ts';
export { type ProgramFile, programFiles } from './program.ts';
