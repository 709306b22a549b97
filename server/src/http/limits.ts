/** What one server takes on. */
export interface HttpLimits {
  /** Largest body, in bytes. */
  bodyBytes: number;
  /** Largest request line and headers together, in bytes. */
  headerBytes: number;
  /** Longest path with its query, in characters. */
  urlLength: number;
  /** Most MCP requests under way at once, streams included. More are answered 503. */
  inFlight: number;
  /** Time for a request to arrive completely, in seconds. */
  requestSeconds: number;
  /** A JSON answer that takes longer becomes a stream with signs of life, in seconds. */
  streamAfterSeconds: number;
  /** Mean delay of the event loop, in milliseconds, beyond which MCP requests are answered 503; 0: never. */
  eventLoopDelayMilliseconds: number;
  /** Of one caller who has signed in. Beyond them requests are answered 429. */
  principal: CallerLimits;
  /** Of one address (in IPv6 its /64), for requests whose token is not known yet: each costs a verification. */
  signIn: CallerLimits;
}

/** What one caller may take. */
export interface CallerLimits {
  /** Requests under way at once. */
  inFlight: number;
  /** Requests per second, on average. */
  perSecond: number;
  /** Requests at once after a quiet time. */
  burst: number;
}

export const defaultHttpLimits: HttpLimits = {
  bodyBytes: 262_144,
  headerBytes: 16_384,
  inFlight: 256,
  requestSeconds: 30,
  streamAfterSeconds: 5,
  urlLength: 2048,
  eventLoopDelayMilliseconds: 1000,
  principal: { inFlight: 64, perSecond: 1000, burst: 5000 },
  signIn: { inFlight: 64, perSecond: 100, burst: 500 },
};
