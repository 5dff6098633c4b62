import type { Texts } from './texts.ts'

const messages = (count: number): string => (count === 1 ? '1 message' : `${count} messages`)
const octets = (count: number): string => (count === 1 ? '1 octet' : `${count} octets`)
const time = (seconds: number): string => {
  if (seconds < 120) return seconds === 1 ? '1 second' : `${seconds} seconds`
  return seconds < 7200 ? `${Math.round(seconds / 60)} minutes` : `${Math.round(seconds / 3600)} hours`
}

export const german: Texts = {
  tag: 'de',
  name: 'English',

  ready: 'Postino ready',
  bye: 'bye',
  byeRemoved: (count) => `bye, ${messages(count)} removed`,
  count: (all, size) => `${messages(all)} (${octets(size)})`,
  maildropHas: (all, size) => `maildrop has ${messages(all)} (${octets(size)})`,
  octets,
  topFollows: 'the top of it follows',
  marked: (number) => `message ${number} marked as deleted`,

  unknownCommand: 'unknown command',
  commandTooLong: 'a command may have 255 octets at most',
  lineWithoutEnd: 'the line has no end',
  writeItSo: (usage) => `write it so: ${usage}`,
  needsLogIn: (verb) => `${verb} needs a log-in first`,
  comesBeforeLogIn: (verb) => `${verb} comes before the log-in`,
  notOffered: (verb) => `${verb} is not offered here`,
  noNumber: 'a message-number is a whole number from 1',
  noLineCount: 'the number of lines is no whole number',
  noSuchMessage: (all) => `no such message, the maildrop has ${messages(all)}`,
  markedAlready: (number) => `message ${number} is marked as deleted`,

  capabilities: 'what this server can do',
  languages: 'the languages of this server',
  languageChosen: 'replies are in English now',
  unknownLanguage: 'this language is not spoken here',
  utf8On: 'UTF-8 from now on',

  beginTls: 'begin the TLS handshake',
  tlsAlready: 'TLS is active already',

  nowPassword: 'now the password',
  userFirst: 'USER must come just before PASS',
  notUtf8: 'names and passwords are UTF-8 without control characters',
  mechanisms: 'the SASL mechanisms of this server',
  unknownMechanism: (offered) =>
    offered === '' ? 'no SASL mechanism can be used now' : `no such SASL mechanism here, but ${offered}`,
  noInitialResponse: (mechanism) => `${mechanism} has no initial response`,
  badResponse: (mechanism) => `this is no response of ${mechanism} in base64`,
  cancelled: 'AUTH cancelled',
  notForOthers: 'nobody may log in for somebody else here',
  noBinding: 'the channel binding is not that of this connection',

  wrongLogin: 'wrong login name or password',
  noClearLogin: (stls) => (stls ? 'no password in the clear: use TLS (STLS)' : 'no password in the clear: use TLS'),
  inUse: (from, seconds) => `another session has this maildrop, from ${from} for ${time(seconds)}`,
  loginDelay: (seconds) => `too soon after the last log-in: try again in ${time(seconds)}`,
  tooManyLogIns: 'too many failed log-ins: try again later',
  tooManySessions: 'too many sessions: try again later',
  needsUtf8: 'this message can only be had after UTF8',
  cannotOpen: (why) => `cannot open the maildrop: ${why}`,
  nothingRemoved: (why) => `nothing was removed: ${why}`,
  partlyRemoved: (done, all, why) => `only ${done} of ${messages(all)} removed: ${why}`,
  cannotRead: (number, why) => `message ${number} cannot be read: ${why}`,
  whyDamaged: 'it is damaged here',
  whyGone: 'it is not there any more',
  whyDiskFull: 'the disk is full',
  whyReadOnly: 'the disk is read-only',
  whyBusy: 'somebody else is writing',
  whyFailed: 'the store has failed',
  whyUnknown: 'something went wrong here',
}
