/** TLS in front of a server that has none, like the API server's own: for tests of certificates and their rotation. */

import type { AddressInfo } from 'node:net';
import { connect, type Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { TestCertificate } from './certificate.ts';

export interface TlsFront {
  /** `https://127.0.0.1:port` */
  url: string;
  port: number;
  /** Connections accepted so far. */
  readonly connections: number;
  /** Shows another certificate from now on, and cuts the connections made with the old one. */
  replace(certificate: TestCertificate): void;
  close(): Promise<void>;
}

/** Listens on 127.0.0.1 with this certificate and passes everything on to `target`, an http URL. */
export async function startTlsFront(target: string, first: TestCertificate): Promise<TlsFront> {
  const { port: targetPort } = new URL(target);
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ cert: first.certificate, key: first.key }, (socket: TLSSocket) => {
    connections += 1;
    const onward = connect(Number(targetPort), '127.0.0.1');
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on('close', () => sockets.delete(end));
      end.on('error', () => end.destroy());
    }
    socket.pipe(onward).pipe(socket);
  });
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    get connections() {
      return connections;
    },
    replace({ certificate, key }) {
      server.setSecureContext({ cert: certificate, key });
      cut();
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cut();
      await closed;
    },
  };
}
