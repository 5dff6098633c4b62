import { headerOnly, headersOnly } from '../intake/header-only.ts'
import type { Intake } from '../intake/intake.ts'
import type { Listed } from '../intake/ledger.ts'
import { receivedTime } from '../message/received.ts'
import type { Remote } from './fetching.ts'
import type { Tally } from './fetch-pop3-retrieval.ts'
import { InStep } from './in-step.ts'
import type { Pop3Connection } from './pop3-connection.ts'
import { Taking } from './taking.ts'

/** So many are asked for together. */
const together = 50

/** Brings home the headers of messages that are too large to come on their own. A server without TOP gives none: that is told once. */
export async function fetchHeaders(
  wanted: readonly Listed[],
  session: {
    readonly connection: Pop3Connection
    readonly intake: Intake
    readonly remote: Remote
    readonly now: () => number
    readonly tally: Tally
  },
): Promise<void> {
  const { connection, intake, remote, now, tally } = session
  // Without a unique-id it could never be told that the whole message has come.
  const inStep = new InStep(connection)
  // What is listed is the size of the whole, so it does not matter here.
  const named = wanted.flatMap((listed) => (listed.uniqueId === '' ? [] : [{ listed, number: listed.number }]))
  for (let at = 0; at < named.length; at += together) {
    const given = await Promise.all(inStep.cut(named.slice(at, at + together)).map(takeHeaders))
    const refusal = given.flat().find((one) => one !== undefined)
    if (refusal === undefined) continue
    tally.problems.push(`the server gives no headers of large messages: it answered TOP with -ERR ${refusal}`)
    return
  }

  /** The server's words where it refuses, for each. */
  async function takeHeaders(stretch: readonly { listed: Listed; number: number }[]): Promise<(string | undefined)[]> {
    const takings = stretch.map(({ number }) => new Taking(intake, { name: () => `the header of message ${number}` }))
    const replies = await inStep
      .ask('TOP', stretch, (event, place) => takings[place]?.take(event))
      .catch(async (error: unknown) => {
        for (const taking of takings) await taking.discard()
        throw error
      })
    return await Promise.all(
      stretch.map(async ({ listed }, place) => {
        const taking = takings[place]
        const reply = replies[place]
        if (taking === undefined || reply === undefined) return undefined
        if (reply.ok) await keepHeader(listed, taking)
        else await taking.discard()
        return reply.ok ? undefined : reply.text
      }),
    )
  }

  async function keepHeader(listed: Listed, taking: Taking): Promise<void> {
    const staged = await taking.finish()
    const origin = { account: headersOnly(remote.account), uniqueId: listed.uniqueId, nth: 0, listed: listed.octets }
    const received = receivedTime(taking.head, now()) ?? now()
    await intake.keep(staged, { mailbox: remote.mailbox ?? 'INBOX', received, origin, flags: [headerOnly] })
  }
}
