/** Misbehaviour on demand: what the API server does when it is overloaded, cut off or restarted. */

import type { Fault } from '../types.ts';
import { ApiError } from './api-error.ts';
import type { ParsedRequest } from './request.ts';

const reasons: Record<number, [reason: string | undefined, message: string]> = {
  401: ['Unauthorized', 'Unauthorized'],
  403: ['Forbidden', 'forbidden'],
  409: [
    'Conflict',
    'the object has been modified; please apply your changes to the latest version and try again',
  ],
  410: ['Expired', 'The resourceVersion for the provided watch is too old.'],
  429: ['TooManyRequests', 'too many requests, please try again later'],
  500: ['InternalError', 'Internal error occurred: etcdserver: leader changed'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: ['Timeout', 'Timeout: request did not complete within the allotted timeout'],
};

/** The error of a fault with a status. */
export function faultError(fault: Fault): ApiError {
  const status = fault.status ?? 500;
  const [reason, message] = reasons[status] ?? [undefined, `the server answered ${status}`];
  const details = fault.retryAfter === undefined ? {} : { retryAfterSeconds: fault.retryAfter };
  return fault.message === undefined
    ? new ApiError(status, reason, message, details)
    : new ApiError(status, undefined, fault.message, details);
}

/** The added faults, oldest first. */
export class FaultList {
  #faults: { fault: Fault; left: number }[] = [];

  add(fault: Fault): () => void {
    const entry = { fault, left: fault.times ?? Number.POSITIVE_INFINITY };
    this.#faults.push(entry);
    return () => {
      this.#faults = this.#faults.filter((each) => each !== entry);
    };
  }

  clear(): void {
    this.#faults = [];
  }

  /** The fault that hits this request, counted as used. */
  take(request: ParsedRequest): Fault | undefined {
    const verb = request.target?.verb ?? 'get';
    const found = this.#faults.find(({ fault: { match }, left }) => {
      const hits =
        (match.verb === undefined || match.verb === verb) &&
        (match.resource === undefined || match.resource === request.target?.resource) &&
        (match.path === undefined || match.path.test(request.url));
      return hits && left > 0;
    });
    if (found !== undefined) found.left -= 1;
    return found?.fault;
  }
}
