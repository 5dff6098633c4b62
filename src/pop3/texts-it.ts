import type { Texts } from './texts.ts'

const messages = (count: number): string => (count === 1 ? '1 messaggio' : `${count} messaggi`)
const octets = (count: number): string => (count === 1 ? '1 ottetto' : `${count} ottetti`)
const time = (seconds: number): string => {
  if (seconds < 120) return seconds === 1 ? '1 secondo' : `${seconds} secondi`
  return seconds < 7200 ? `${Math.round(seconds / 60)} minuti` : `${Math.round(seconds / 3600)} ore`
}

export const italian: Texts = {
  tag: 'it',
  name: 'Italiano',

  ready: 'Postino è pronto',
  bye: 'arrivederci',
  byeRemoved: (count) => `arrivederci, ${count === 1 ? '1 messaggio rimosso' : `${count} messaggi rimossi`}`,
  count: (all, size) => `${messages(all)} (${octets(size)})`,
  maildropHas: (all, size) => `nella casella ci sono ${messages(all)} (${octets(size)})`,
  octets,
  topFollows: 'ecco l’inizio del messaggio',
  marked: (number) => `messaggio ${number} segnato per la rimozione`,

  unknownCommand: 'comando sconosciuto',
  commandTooLong: 'un comando può avere al massimo 255 ottetti',
  lineWithoutEnd: 'la riga non finisce mai',
  writeItSo: (usage) => `si scrive così: ${usage}`,
  needsLogIn: (verb) => `per ${verb} occorre prima accedere`,
  comesBeforeLogIn: (verb) => `${verb} va dato prima dell’accesso`,
  notOffered: (verb) => `${verb} qui non è disponibile`,
  noNumber: 'il numero di un messaggio è un intero a partire da 1',
  noLineCount: 'il numero di righe non è un intero',
  noSuchMessage: (all) =>
    all === 1
      ? 'questo messaggio non c’è: nella casella ce n’è uno solo'
      : `questo messaggio non c’è: nella casella ci sono ${messages(all)}`,
  markedAlready: (number) => `il messaggio ${number} è segnato per la rimozione`,

  capabilities: 'ecco che cosa sa fare questo server',
  languages: 'ecco le lingue di questo server',
  languageChosen: 'da ora le risposte sono in italiano',
  unknownLanguage: 'questa lingua qui non è disponibile',
  utf8On: 'da ora si usa UTF-8',

  beginTls: 'si può iniziare con TLS',
  tlsAlready: 'TLS è già attivo',

  nowPassword: 'ora la password',
  userFirst: 'PASS va dato subito dopo USER',
  notUtf8: 'nomi e password sono in UTF-8, senza caratteri di controllo',
  mechanisms: 'ecco i meccanismi SASL di questo server',
  unknownMechanism: (offered) =>
    offered === ''
      ? 'ora non si può usare nessun meccanismo SASL'
      : `questo meccanismo SASL qui non c’è; ci sono ${offered}`,
  noInitialResponse: (mechanism) => `${mechanism} non prevede una risposta iniziale`,
  badResponse: (mechanism) => `questa non è una risposta di ${mechanism} in base64`,
  cancelled: 'AUTH annullato',
  notForOthers: 'qui nessuno può accedere a nome di altri',
  noBinding: 'il legame con il canale non è quello di questa connessione',

  wrongLogin: 'nome utente o password errati',
  noClearLogin: (stls) =>
    stls
      ? 'la password non può viaggiare in chiaro: usare TLS (STLS)'
      : 'la password non può viaggiare in chiaro: usare TLS',
  inUse: (from, seconds) => `la casella è aperta in un’altra sessione, da ${from}, da ${time(seconds)}`,
  loginDelay: (seconds) => `troppo presto dopo l’ultimo accesso: riprovare tra ${time(seconds)}`,
  tooManyLogIns: 'troppi accessi falliti: riprovare più tardi',
  tooManySessions: 'troppe sessioni: riprovare più tardi',
  needsUtf8: 'questo messaggio si può avere solo dopo UTF8',
  cannotOpen: (why) => `impossibile aprire la casella: ${why}`,
  nothingRemoved: (why) => `non è stato rimosso nulla: ${why}`,
  partlyRemoved: (done, all, why) => `rimossi solo ${done} messaggi su ${all}: ${why}`,
  cannotRead: (number, why) => `impossibile leggere il messaggio ${number}: ${why}`,
  whyDamaged: 'qui è danneggiato',
  whyGone: 'non c’è più',
  whyDiskFull: 'il disco è pieno',
  whyReadOnly: 'il disco è in sola lettura',
  whyBusy: 'qualcun altro sta scrivendo',
  whyFailed: 'l’archivio ha un guasto',
  whyUnknown: 'qui qualcosa è andato storto',
}
