import type { Setting } from './fetchmail-rc.ts'
import { notTaken } from './not-taken.ts'

type Saying = string | ((setting: Setting) => string | undefined)

const { delivery } = notTaken
const asItCame = 'messages are kept as they come'
const whenOn =
  (text: string): Saying =>
  ({ on }) =>
    on ? text : undefined
const unlessZero =
  (text: string): Saying =>
  ({ values }) =>
    values[0] === '0' ? undefined : text

/** What there is no place for in an account, and what to do instead. What is not here is taken over, or makes no difference. */
const sayings: Readonly<Record<string, Saying>> = {
  mda: delivery,
  bsmtp: delivery,
  smtphost: delivery,
  lmtp: delivery,
  smtpaddress: delivery,
  smtpname: delivery,
  fetchdomains: delivery,
  antispam: delivery,
  esmtpname: delivery,
  esmtppassword: delivery,
  plugout: delivery,
  batchlimit: unlessZero(delivery),
  rewrite: whenOn(asItCame),
  forcecr: whenOn(asItCame),
  stripcr: whenOn(asItCame),
  dropstatus: whenOn(asItCame),
  dropdelivered: whenOn(asItCame),
  mimedecode: whenOn(asItCame),
  tracepolls: whenOn(asItCame),
  timeout: notTaken.timeOut,
  idletimeout: notTaken.timeOut,
  flush: whenOn('what another program fetched is never deleted at the server'),
  limitflush: whenOn('what is too large stays at the server'),
  fetchlimit: unlessZero(notTaken.amount),
  expunge: unlessZero('all is deleted at the end of a session, once it is home'),
  warnings: 'what is too large is told at each fetch',
  plugin: 'the connection is made without it; through a proxy or a tunnel: give the account another server, or a proxy',
  preconnect: 'no command is run before a fetch: open the tunnel otherwise',
  postconnect: 'no command is run after a fetch',
  interface: 'it is fetched whatever interface is up',
  monitor: 'it is fetched whatever interface is up',
  principal: 'there is no Kerberos',
  sslcertpath:
    'a folder of certificates is not taken over: name one file as trusted, if the system does not trust them',
  sslcommonname: notTaken.nameOfCertificate,
  sslfingerprint: 'an MD5 proves nothing any more: pin the certificate by its SHA-256',
  moveto: notTaken.move,
  passwordfd: 'no password is read from a descriptor',
}

/** What is to be said of a setting that is not taken over; undefined where there is nothing to say. */
export function remarkOn(setting: Setting): string | undefined {
  const saying = Object.hasOwn(sayings, setting.name) ? sayings[setting.name] : undefined
  const text = typeof saying === 'function' ? saying(setting) : saying
  return text === undefined ? undefined : `${setting.name} is not taken over: ${text}`
}
