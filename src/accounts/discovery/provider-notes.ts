import type { Protocol, Provider } from '../provider.ts'

/** What a person should know before the first log-in at this provider, one sentence each. */
export function providerNotes(provider: Provider, protocol: Protocol, knowsLogin: boolean): string[] {
  const { oauth, appPassword, switchOn, limits } = provider
  const notes: string[] = []
  if (oauth?.needed === true) notes.push(`it takes no passwords, only OAuth 2.0 (issuer ${oauth.issuer})`)
  if (!knowsLogin) notes.push(loginNote(provider))
  if (appPassword !== undefined) notes.push(appPasswordNote(provider, appPassword))
  if (switchOn?.protocols.includes(protocol) === true)
    notes.push(`${spelt(protocol)} must first be switched on in ${switchOn.where}`)
  if (protocol === 'pop3' && provider.notInPop3 !== undefined)
    notes.push(`${provider.notInPop3} is not shown over POP3${provider.imap === undefined ? '' : ', only over IMAP'}`)
  if (limits.messagesPerMinute !== undefined)
    notes.push(`it gives out at most ${limits.messagesPerMinute} messages a minute, so a first fetch takes its time`)
  return [...notes, ...provider.notes]
}

function loginNote({ login, loginExample, name }: Provider): string {
  if (login === 'local-part')
    return `it logs in by the part before the @ of your address at ${name}: give it with --login`
  const such = loginExample === undefined ? '' : `, such as ${loginExample}`
  return `it logs in by the user id of your contract${such}, not by the address: give it with --login`
}

function appPasswordNote({ oauth }: Provider, appPassword: NonNullable<Provider['appPassword']>): string {
  const { needed, called = 'app password', expires } = appPassword
  const ends = expires === undefined ? '' : `; it expires ${expires}`
  if (needed === 'two-step')
    return `with two-step log-in it wants a password for mail programs ("${called}") instead of your usual one${ends}`
  const or = oauth === undefined ? '' : `, or OAuth 2.0 (issuer ${oauth.issuer})`
  return `it wants an ${called}, made in the account settings, instead of your usual password${or}${ends}`
}

function spelt(protocol: Protocol): string {
  return protocol.toUpperCase()
}
