/** What a server says to people, in one language. A text has no line end and no "[" (RFC 2449 §3). */
export interface Texts {
  /** The language tag (RFC 5646). */
  readonly tag: string
  /** What the language calls itself. */
  readonly name: string

  readonly ready: string
  readonly bye: string
  readonly byeRemoved: (count: number) => string
  /** So many messages, of so many octets in all. */
  readonly count: (messages: number, octets: number) => string
  readonly maildropHas: (messages: number, octets: number) => string
  readonly octets: (octets: number) => string
  readonly topFollows: string
  readonly marked: (number: number) => string

  readonly unknownCommand: string
  readonly commandTooLong: string
  readonly lineWithoutEnd: string
  /** `usage`: the command's form, in the words of RFC 1939 §9. */
  readonly writeItSo: (usage: string) => string
  readonly needsLogIn: (verb: string) => string
  readonly comesBeforeLogIn: (verb: string) => string
  readonly notOffered: (verb: string) => string
  readonly noNumber: string
  readonly noLineCount: string
  readonly noSuchMessage: (messages: number) => string
  readonly markedAlready: (number: number) => string

  readonly capabilities: string
  readonly languages: string
  readonly languageChosen: string
  readonly unknownLanguage: string
  readonly utf8On: string

  readonly beginTls: string
  readonly tlsAlready: string

  readonly nowPassword: string
  readonly userFirst: string
  readonly notUtf8: string
  readonly mechanisms: string
  readonly unknownMechanism: (offered: string) => string
  readonly noInitialResponse: (mechanism: string) => string
  readonly badResponse: (mechanism: string) => string
  readonly cancelled: string
  readonly notForOthers: string
  readonly noBinding: string

  // What the doors say.
  readonly wrongLogin: string
  /** No password goes in the clear here. `stls`: STLS would help. */
  readonly noClearLogin: (stls: boolean) => string
  /** Another session has had the maildrop for so many seconds. */
  readonly inUse: (from: string, seconds: number) => string
  readonly loginDelay: (seconds: number) => string
  readonly tooManyLogIns: string
  readonly tooManySessions: string
  readonly needsUtf8: string
  readonly cannotOpen: (why: string) => string
  readonly nothingRemoved: (why: string) => string
  readonly partlyRemoved: (done: number, all: number, why: string) => string
  readonly cannotRead: (number: number, why: string) => string
  readonly whyDamaged: string
  readonly whyGone: string
  readonly whyDiskFull: string
  readonly whyReadOnly: string
  readonly whyBusy: string
  readonly whyFailed: string
  readonly whyUnknown: string
}

/** Says something in whatever language the client has chosen: `(texts) => texts.wrongLogin`. */
export type Say = (texts: Texts) => string
