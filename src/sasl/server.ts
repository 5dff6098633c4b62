import type { Mechanism, ServerMechanism, ServerMechanismOptions } from './mechanism.ts'
import { PlainServer } from './plain.ts'

/** The server's side of a mechanism, for one exchange; undefined where what it needs is not there. */
export function serverMechanism(name: Mechanism, _options: ServerMechanismOptions = {}): ServerMechanism | undefined {
  return name === 'PLAIN' ? new PlainServer() : undefined
}
