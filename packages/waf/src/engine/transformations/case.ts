const hasUpper = /[A-Z]/;
const hasLower = /[a-z]/;
/** toLowerCase would touch bytes above 7F too. */
const isAscii = /^[\0-\x7f]*$/;

/** ASCII lower case only. */
export function lowercase(value: string): string {
  if (!hasUpper.test(value)) return value;
  if (isAscii.test(value)) return value.toLowerCase();
  return value.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** ASCII upper case only. */
export function uppercase(value: string): string {
  if (!hasLower.test(value)) return value;
  return value.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}
