/** What one server takes on. */
export interface HttpLimits {
  /** Largest body, in bytes. */
  bodyBytes: number;
  /** Largest request line and headers together, in bytes. */
  headerBytes: number;
  /** Most MCP requests under way at once, streams included. More are answered 503. */
  inFlight: number;
  /** Time for a request to arrive completely, in seconds. */
  requestSeconds: number;
  /** A JSON answer that takes longer becomes a stream with signs of life, in seconds. */
  streamAfterSeconds: number;
}

export const defaultHttpLimits: HttpLimits = {
  bodyBytes: 262_144,
  headerBytes: 16_384,
  inFlight: 256,
  requestSeconds: 30,
  streamAfterSeconds: 5,
};
