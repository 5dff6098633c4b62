import type { Intake } from '../intake/intake.ts'
import { receivedTime } from '../message/received.ts'
import { homeFlags } from './fetch-imap-flags.ts'
import { rows, type Wanted } from './fetch-imap-listing.ts'
import { headerOnly, headersOnly } from '../intake/header-only.ts'
import type { ImapConnection } from './imap-connection.ts'

/** Brings home the headers of messages that are too large to come on their own. */
export async function fetchImapHeaders(
  wanted: readonly Wanted[],
  session: {
    readonly connection: ImapConnection
    readonly intake: Intake
    readonly account: string
    readonly now: () => number
  },
): Promise<void> {
  const { connection, intake, account, now } = session
  for (const [mailbox, some] of Map.groupBy(wanted, (one) => one.mailbox)) {
    await connection.stayIn(mailbox.path)
    const byUid = new Map(some.map((one) => [one.uid, one]))
    for await (const { uid, headers } of rows(connection, [...byUid.keys()], { uid: true, headers: true })) {
      const one = byUid.get(uid)
      if (one === undefined || headers === undefined) continue
      const staging = intake.stage('unknown')
      await staging.write(headers)
      await intake.keep(await staging.finish(), {
        mailbox: mailbox.home,
        received: one.received ?? receivedTime(headers, now()) ?? now(),
        flags: homeFlags([...one.flags, headerOnly]),
        origin: { account: headersOnly(account), uniqueId: one.uniqueId, nth: 0, listed: one.octets },
      })
    }
  }
}
