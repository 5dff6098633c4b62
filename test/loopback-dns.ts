import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { TestContext } from 'node:test'

/** What a name server answers: names in lower case, each with what is asked of it. */
export interface Zone {
  readonly a?: Readonly<Record<string, readonly string[]>>
  readonly mx?: Readonly<Record<string, readonly { readonly exchange: string; readonly priority: number }[]>>
  readonly srv?: Readonly<
    Record<
      string,
      readonly { readonly name: string; readonly port: number; readonly priority: number; readonly weight: number }[]
    >
  >
  /** Names that it fails on (SERVFAIL). */
  readonly broken?: readonly string[]
}

/** A name server on the loopback, for the time of a test. */
export interface NameServer {
  /** `127.0.0.1:PORT` */
  readonly address: string
  /** `TYPE NAME` of each question. */
  readonly asked: readonly string[]
}

const types: Readonly<Record<number, string>> = { 1: 'A', 15: 'MX', 28: 'AAAA', 33: 'SRV' }

/** Answers questions over UDP (RFC 1035 §4.1): one question, no compression, nothing but the zone. `silent`: never answers. */
export async function nameServer(t: TestContext, zone: Zone, silent = false): Promise<NameServer> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (question, { port, address }) => {
    const labels: string[] = []
    let at = 12
    for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
      labels.push(question.toString('latin1', at + 1, at + 1 + length))
      at += 1 + length
    }
    const name = labels.join('.').toLowerCase()
    const type = types[question.readUInt16BE(at + 1)] ?? '?'
    asked.push(`${type} ${name}`)
    if (silent) return
    const records = answers(zone, type, name)
    const known = [zone.a, zone.mx, zone.srv].some((part) => part !== undefined && name in part)
    const code = zone.broken?.includes(name) === true ? 2 : known ? 0 : 3
    const head = Buffer.from(question.subarray(0, 12))
    head.writeUInt16BE(0x8180 | code, 2)
    for (const [place, count] of [1, records.length, 0, 0].entries()) head.writeUInt16BE(count, 4 + 2 * place)
    const rows = records.map((data) => {
      const row = Buffer.alloc(12)
      row.writeUInt16BE(0xc00c, 0) // the name of the question
      question.copy(row, 2, at + 1, at + 5)
      row.writeUInt16BE(data.length, 10)
      return Buffer.concat([row, data])
    })
    socket.send(Buffer.concat([head, question.subarray(12, at + 5), ...rows]), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.after(() => void socket.close())
  return { address: `127.0.0.1:${socket.address().port}`, asked }
}

function answers(zone: Zone, type: string, name: string): Buffer[] {
  if (type === 'A') return (zone.a?.[name] ?? []).map((address) => Buffer.from(address.split('.').map(Number)))
  if (type === 'MX')
    return (zone.mx?.[name] ?? []).map(({ priority, exchange }) => Buffer.concat([words(priority), spelt(exchange)]))
  if (type === 'SRV')
    return (zone.srv?.[name] ?? []).map((record) =>
      Buffer.concat([words(record.priority, record.weight, record.port), spelt(record.name)]),
    )
  return []
}

function words(...values: number[]): Buffer {
  const octets = Buffer.alloc(2 * values.length)
  for (const [place, value] of values.entries()) octets.writeUInt16BE(value, 2 * place)
  return octets
}

function spelt(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '')
  return Buffer.concat([...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.from([0])])
}
