/** What goes wrong with every request in the same way, such as a full disk, is one warning. */
export function reportOnce(what: string): (error: Error) => void {
  let last = '';
  return (error) => {
    if (error.message === last) return;
    last = error.message;
    process.emitWarning(`${what}: ${error.message}`);
  };
}
