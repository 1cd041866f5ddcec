// The part of a driver that all clients for Node.js share. It first says which library it drives. Then it reads runs from the
// standard input, one line of JSON each, and writes the steps that came out to the standard output. Runs may overlap; "run" tells
// them apart.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { run } from './flows.mjs';

/**
 * Serves runs until the standard input ends.
 *
 * @param library the name of the package
 * @param connect makes a client of the library for one run
 */
export function serve(library, connect) {
  const visits = new Map();
  const write = (message) => process.stdout.write(JSON.stringify(message) + '\n');
  const { version } = createRequire(import.meta.url)(library + '/package.json');
  write({ title: `${library} ${version} (Node.js)` });
  createInterface({ input: process.stdin }).on('line', async (line) => {
    const message = JSON.parse(line);
    if (visits.has(message.run)) {
      visits.get(message.run)(message);
      return;
    }
    const open = (address) => new Promise((resolve, reject) => {
      visits.set(message.run, ({ callback, failed }) => {
        failed === undefined ? resolve(new URL(callback)) : reject(new Error(failed));
      });
      write({ run: message.run, open: String(address) });
    });
    const steps = await run(message.flow, connect(message), open);
    visits.delete(message.run);
    write({ run: message.run, steps });
  });
}
