/** `make down`: stops the server that `make up` started. The cluster stays, and everything in it. */
import { clusterProgram } from './paths.ts';
import { stopServer } from './server-process.ts';

console.log((await stopServer()) ? 'The server is stopped.' : 'No server was running.');
console.log(`The cluster is left as it is. To stop it: ${clusterProgram} down`);
