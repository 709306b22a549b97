/** cnpg-mcp-rbac as the suites run it. */
import { inject } from 'vitest';
import { runProgram } from '../../../rbac-bootstrap/src/program.ts';

export interface Ended {
  status: number;
  out: string;
  error: string;
}

/** Runs a command line, as the administrator of the cluster unless it says --kubeconfig. */
export async function runRbac(...args: string[]): Promise<Ended> {
  let [out, error] = ['', ''];
  const kubeconfig = args.includes('--kubeconfig') ? [] : ['--kubeconfig', inject('cluster').kubeconfig];
  const status = await runProgram([...args, ...kubeconfig], {
    out: (text) => {
      out += text;
    },
    error: (text) => {
      error += text;
    },
  });
  return { status, out, error };
}
