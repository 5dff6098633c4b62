import type { Texts } from './texts.ts'

const messages = (count: number): string => (count === 1 ? '1 Nachricht' : `${count} Nachrichten`)
const octets = (count: number): string => (count === 1 ? '1 Oktett' : `${count} Oktette`)
/** In the dative, which is what stands behind "seit" and "in". */
const time = (seconds: number): string => {
  if (seconds < 120) return seconds === 1 ? '1 Sekunde' : `${seconds} Sekunden`
  return seconds < 7200 ? `${Math.round(seconds / 60)} Minuten` : `${Math.round(seconds / 3600)} Stunden`
}

export const german: Texts = {
  tag: 'de',
  name: 'Deutsch',

  ready: 'Postino ist bereit',
  bye: 'auf Wiedersehen',
  byeRemoved: (count) => `auf Wiedersehen, ${messages(count)} entfernt`,
  count: (all, size) => `${messages(all)} (${octets(size)})`,
  maildropHas: (all, size) => `${messages(all)} im Postfach (${octets(size)})`,
  octets,
  topFollows: 'hier ist der Anfang der Nachricht',
  marked: (number) => `Nachricht ${number} zum Löschen markiert`,

  unknownCommand: 'unbekannter Befehl',
  commandTooLong: 'ein Befehl darf höchstens 255 Oktette haben',
  lineWithoutEnd: 'die Zeile hat kein Ende',
  writeItSo: (usage) => `so wird es geschrieben: ${usage}`,
  needsLogIn: (verb) => `vor ${verb} muss man sich anmelden`,
  comesBeforeLogIn: (verb) => `${verb} gehört vor die Anmeldung`,
  notOffered: (verb) => `${verb} wird hier nicht angeboten`,
  noNumber: 'die Nummer einer Nachricht ist eine ganze Zahl ab 1',
  noLineCount: 'die Zahl der Zeilen ist keine ganze Zahl',
  noSuchMessage: (all) => `diese Nachricht gibt es nicht, im Postfach ${all === 1 ? 'ist' : 'sind'} ${messages(all)}`,
  markedAlready: (number) => `Nachricht ${number} ist zum Löschen markiert`,

  capabilities: 'das kann dieser Server',
  languages: 'die Sprachen dieses Servers',
  languageChosen: 'die Antworten sind jetzt auf Deutsch',
  unknownLanguage: 'diese Sprache wird hier nicht gesprochen',
  utf8On: 'ab jetzt UTF-8',

  beginTls: 'TLS kann beginnen',
  tlsAlready: 'TLS ist schon aktiv',

  nowPassword: 'jetzt das Passwort',
  userFirst: 'PASS muss direkt auf USER folgen',
  notUtf8: 'Namen und Passwörter sind in UTF-8, ohne Steuerzeichen',
  mechanisms: 'die SASL-Mechanismen dieses Servers',
  unknownMechanism: (offered) =>
    offered === ''
      ? 'im Augenblick ist kein SASL-Mechanismus verwendbar'
      : `diesen SASL-Mechanismus gibt es hier nicht, aber ${offered}`,
  noInitialResponse: (mechanism) => `${mechanism} hat keine Antwort gleich am Anfang`,
  badResponse: (mechanism) => `das ist keine Antwort von ${mechanism} in Base64`,
  cancelled: 'AUTH abgebrochen',
  notForOthers: 'niemand kann sich hier für jemand anderen anmelden',
  noBinding: 'die Kanalbindung ist nicht die dieser Verbindung',

  wrongLogin: 'Benutzername oder Passwort ist falsch',
  noClearLogin: (stls) =>
    stls ? 'kein Passwort im Klartext: bitte TLS verwenden (STLS)' : 'kein Passwort im Klartext: bitte TLS verwenden',
  inUse: (from, seconds) =>
    `das Postfach ist in einer anderen Sitzung geöffnet, von ${from} aus, seit ${time(seconds)}`,
  loginDelay: (seconds) => `zu früh nach der letzten Anmeldung: bitte in ${time(seconds)} wieder versuchen`,
  tooManyLogIns: 'zu viele fehlgeschlagene Anmeldungen: bitte später wieder versuchen',
  tooManySessions: 'zu viele Sitzungen: bitte später wieder versuchen',
  needsUtf8: 'diese Nachricht gibt es nur nach UTF8',
  cannotOpen: (why) => `das Postfach lässt sich nicht öffnen: ${why}`,
  nothingRemoved: (why) => `nichts wurde entfernt: ${why}`,
  partlyRemoved: (done, all, why) => `nur ${done} von ${messages(all)} entfernt: ${why}`,
  cannotRead: (number, why) => `Nachricht ${number} lässt sich nicht lesen: ${why}`,
  whyDamaged: 'sie ist hier beschädigt',
  whyGone: 'sie ist nicht mehr da',
  whyDiskFull: 'die Festplatte ist voll',
  whyReadOnly: 'die Festplatte ist schreibgeschützt',
  whyBusy: 'jemand anders schreibt gerade',
  whyFailed: 'der Speicher hat versagt',
  whyUnknown: 'hier ist etwas schiefgegangen',
}
