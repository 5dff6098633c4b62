import type fc from 'fast-check'
import { clientEngineProperty } from './client-engine.ts'
import { doorProperty } from './door.ts'
import { engineProperty } from './engine.ts'
import { proxyProperty } from './proxy.ts'
import { saslClientProperty, saslServerProperty } from './sasl.ts'

/** Everything that is fuzzed, and how many runs take about a second. */
export const properties: readonly {
  readonly name: string
  readonly property: fc.IRawProperty<unknown>
  readonly runs: number
}[] = [
  { name: 'the server engine', property: engineProperty as fc.IRawProperty<unknown>, runs: 600 },
  { name: 'a door on a socket', property: doorProperty as fc.IRawProperty<unknown>, runs: 60 },
  { name: 'the client engine', property: clientEngineProperty as fc.IRawProperty<unknown>, runs: 4000 },
  { name: "the server's SASL mechanisms", property: saslServerProperty as fc.IRawProperty<unknown>, runs: 6000 },
  { name: "the client's SASL mechanisms", property: saslClientProperty as fc.IRawProperty<unknown>, runs: 10_000 },
  { name: 'the PROXY header', property: proxyProperty as fc.IRawProperty<unknown>, runs: 20_000 },
]
