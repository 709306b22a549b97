/** What npm's registry has. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Failure } from './failure.ts';

const execFileAsync = promisify(execFile);

/**
 * Whether this version of a package is published, by `npm view`.
 * @throws {Failure} when the registry cannot say: then nobody knows, and nothing may be published
 */
export async function isPublished(name: string, version: string): Promise<boolean> {
  const found = await execFileAsync('npm', ['view', `${name}@${version}`, 'version', '--json']).catch(
    (error: Error & { stdout?: string }) => {
      // A package that was never published is an error for npm; a missing version of another is an empty answer.
      if (codeOf(error.stdout) === 'E404') return { stdout: '' };
      throw new Failure(`Whether ${name}@${version} is published cannot be seen: ${error.message.trim()}`);
    },
  );
  return found.stdout.trim() === JSON.stringify(version);
}

/** npm's error code in what it prints for programs: `{"error": {"code": "E404", ...}}`. */
function codeOf(stdout = ''): unknown {
  try {
    return JSON.parse(stdout)?.error?.code;
  } catch {
    return undefined;
  }
}
