/** What every client of another maker can be made to do, whatever it is written in. */

/** What the person in front of a client answers to a form that asks for a name. */
export type Reply = { action: 'accept'; name: string } | { action: 'decline' };

/** What came of a call, as the client tells it. */
export interface Answer {
  isError: boolean;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: looked into by assertions
  structured: any;
  /** The questions that the client put to its user during the call. */
  asked: string[];
}

/** A client that is connected to the server. It handles one call at a time. */
export interface Connection {
  /** Version of the client library, as it is installed. */
  version: string;
  /** Names of the tools. */
  list(): Promise<string[]>;
  /** `reply`: what the person answers if the client asks. Rejects when the client itself fails. */
  call(tool: string, args: Record<string, unknown>, reply?: Reply): Promise<Answer>;
  close(): Promise<void>;
}

/** What a client declared and spoke, taken from the messages that it sent. */
export interface Sighting {
  /** Protocol revision of its last request; `undefined` before one. */
  revision: string | undefined;
  /** It declared that it can show its user a form. */
  showsForms: boolean;
}

/** A client under test. */
export interface ClientKind {
  /** As people call it. */
  name: string;
  transport: 'HTTP' | 'stdio';
  /** Connects to the server at `url`; one on stdio starts its own instead. */
  connect(url: string): Promise<Connection>;
  /** Only on stdio; over HTTP the suite looks at what passes. */
  seen?(): Sighting;
}

const keys = {
  version: 'io.modelcontextprotocol/protocolVersion',
  capabilities: 'io.modelcontextprotocol/clientCapabilities',
};

interface Sent {
  // biome-ignore lint/suspicious/noExplicitAny: JSON-RPC of any revision
  message: any;
  /** From the header; 2026-07-28 has it in the message too. */
  headerRevision?: string | undefined;
}

/** Reads a conversation: the message itself before the header, the handshake for what was declared in it. */
export function sightingOf(sent: readonly Sent[]): Sighting {
  const requests = sent.filter(({ message }) => message?.method !== undefined && message.id !== undefined);
  const last = requests.at(-1);
  const capabilities =
    last?.message.params?._meta?.[keys.capabilities] ??
    requests.findLast(({ message }) => message.method === 'initialize')?.message.params?.capabilities;
  return {
    revision: last?.message.params?._meta?.[keys.version] ?? last?.headerRevision,
    showsForms: capabilities?.elicitation !== undefined,
  };
}
