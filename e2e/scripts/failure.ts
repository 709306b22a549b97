/** How the scripts end when something is wrong that is no error of theirs. */

/** Something that the person at the terminal can act on; its message says what. Anything else is an error in a script. */
export class Failure extends Error {}

process.on('uncaughtException', (error) => {
  console.error(error instanceof Failure ? `\n${error.message}` : error);
  process.exit(1);
});
