import type { Random } from './generate-random.ts'

/** Words of one language, the frequent ones first, and what its machine-made mail talks about. */
export interface Language {
  readonly tag: 'it' | 'en' | 'ja'
  readonly words: readonly string[]
  readonly subjects: readonly string[]
  readonly greetings: readonly string[]
  readonly closings: readonly string[]
  /** Between words: a space, or in Japanese nothing. */
  readonly space: string
  readonly stop: string
}

function split(text: string): string[] {
  return text.trim().split(/\s+/)
}

/** Every stem with every ending: a vocabulary of thousands with few lines, as inflected languages have. */
function inflect(stems: string, endings: string): string[] {
  const words: string[] = []
  for (const ending of endings.split(' ')) for (const stem of split(stems)) words.push(stem + ending)
  return words
}

const italianWords: readonly string[] = [
  ...split(`di e il la che è in un per con non una del i le si da lo più come della al dei alla sono gli ma anche nel
    ha ci delle se o suo questo due molto quando tra prima dopo sempre ogni oggi ieri domani già ancora senza perché così
    cliente ordine prodotto pagamento conto servizio offerta spedizione fattura indirizzo consegna corriere pacco sconto
    settimana giorno mese anno ora casa città lavoro tempo viaggio treno stazione biglietto posto prenotazione albergo
    euro importo totale carta scadenza rata contratto energia gas luce acqua consumo lettura bolletta banca bonifico saldo
    novità articolo libro lettura musica film famiglia amici cena pranzo ricetta pane vino olio formaggio pomodoro caffè
    università scuola corso lezione esame iscrizione segreteria comune ufficio documento modulo firma allegato copia
    password codice accesso profilo sicurezza verifica conferma registrazione notifica messaggio risposta richiesta
    virtù qualità quantità attività società libertà possibilità però cioè finché lunedì martedì mercoledì giovedì venerdì`),
  ...inflect(
    `mand arriv compr pag port parl lavor aspett cerc trov ricord invit prenot conferm control utilizz visit guard ascolt
     accett aggiorn annull avvis cambi cancell complet consegn consult continu contatt salv seleziona rispett riserv ritir
     segnal spieg suon stamp termin tocc us valut verific viaggi vot registr modific inform`,
    'are ato ata ati iamo ano ava erà eremo ando ate avano asse ò',
  ),
]

const englishWords: readonly string[] = [
  ...split(`the of and to a in is that for it as with on be at by this have from or one had not but what all were when we
    there can an your which their if do will each about how up out them then so some her would make like into has more
    order product payment account service offer shipping invoice address delivery parcel discount week day month year hour
    home city work time travel train station ticket seat booking hotel amount total card due instalment contract energy
    water usage reading bill bank transfer balance news article book music film family friends dinner lunch recipe bread
    wine oil cheese tomato coffee university school course lesson exam enrolment office document form signature attachment
    copy password code access profile security check confirmation registration notice message reply request meeting
    project release branch build pipeline review issue deploy cluster node memory storage network latency throughput`),
  ...inflect(
    `order ship deliver confirm check visit review send return cancel complet updat subscrib manag view contact consult
     collect request report record print accept remind book travel talk walk cook read start end open clos sav select
     offer measur test build deploy merg monitor restor export import index fetch stor serv`,
    'ed ing s er ers able ment ings',
  ),
]

const japaneseWords: readonly string[] = split(`
  お客様 ご注文 商品 発送 お届け 確認 お支払い 予約 東京 大阪 京都 電車 新幹線 切符 会議 資料 添付 明日 今日 昨日 来週 料理 写真
  旅行 天気 図書館 大学 授業 試験 連絡 返信 件名 日本語 時間 場所 会社 仕事 家族 友達 週末 春 夏 秋 冬 雨 雪 花見 ありがとうございます
  よろしくお願いいたします について ください ました です ます から まで でも また そして しかし ところで 是非 新しい 美しい 大きな 小さな`)

export const italian: Language = {
  tag: 'it',
  words: italianWords,
  subjects: [
    'Il tuo ordine è in consegna',
    'Ricevuta del pagamento',
    'La tua bolletta è disponibile',
    'Novità della settimana',
    'Conferma della prenotazione',
    'Promemoria: scadenza della rata',
    'Nuovo accesso al tuo profilo',
    'Hai un nuovo messaggio',
    'Offerte fino a domenica',
    'Verbale della riunione',
    'Fattura elettronica',
    'Perché non dai un’occhiata?',
  ],
  greetings: ['Gentile cliente,', 'Ciao,', 'Buongiorno,', 'Salve,'],
  closings: ['Cordiali saluti', 'A presto', 'Il servizio clienti', 'Grazie e buona giornata'],
  space: ' ',
  stop: '.',
}

export const english: Language = {
  tag: 'en',
  words: englishWords,
  subjects: [
    'Your order is on its way',
    'Receipt for your payment',
    'Your statement is ready',
    'This week in review',
    'Booking confirmed',
    'Reminder: your instalment is due',
    'New sign-in to your account',
    'You have a new message',
    'Build failed on branch main',
    'Minutes of the meeting',
    'Invoice',
    'Re: latency of the storage cluster',
  ],
  greetings: ['Hello,', 'Dear customer,', 'Hi,', 'Good morning,'],
  closings: ['Best regards', 'See you soon', 'The customer service team', 'Thank you'],
  space: ' ',
  stop: '.',
}

export const japanese: Language = {
  tag: 'ja',
  words: japaneseWords,
  subjects: [
    'ご注文の確認',
    '会議の資料について',
    '発送のお知らせ',
    '週末の予定',
    '予約が完了しました',
    '写真を送ります',
  ],
  greetings: ['お世話になっております。', 'こんにちは。'],
  closings: ['よろしくお願いいたします。', 'ありがとうございました。'],
  space: '',
  stop: '。',
}

const firstNames =
  split(`Mario Giulia Luca Francesca Paolo Chiara Alessandro Elena Marco Sara Davide Anna Matteo Laura Nicolò Zoë James
  Emma Oliver Sophie Jack Hannah William Grace Noah Lucía José Müller Søren Yuki Haruto Sakura`)
const lastNames =
  split(`Rossi Bianchi Ferrari Esposito Romano Colombo Ricci Marino Greco Bruno Gallo Conti DeLuca Costa Giordano Smith
  Jones Taylor Brown Wilson Davies Evans Thomas Johnson Roberts Núñez García Østergård Tanaka Suzuki Satō Itō`)
const companies =
  split(`Libreria Ferrovie Energia Banca Mercato Viaggi Forno Posta Comune Palestra Shop Cloud Ledger Parcel Rail Journal
  Forge Garden Orchard Harbour Market Studio Signal Weather`)

/** Somebody who writes: a display name, which may hold any letter, and an address. */
export interface Person {
  readonly name: string
  readonly address: string
  readonly domain: string
}

function plainLetters(text: string): string {
  return text
    .normalize('NFD')
    .replaceAll('ø', 'o')
    .replaceAll('Ø', 'O')
    .replace(/[^A-Za-z]/g, '')
    .toLowerCase()
}

export function makePerson(random: Random): Person {
  const first = random.pick(firstNames)
  const last = random.pick(lastNames)
  const domain = `${random.pick(['posta', 'mail', 'studio', 'casa'])}${random.between(1, 40)}.example`
  return { name: `${first} ${last}`, address: `${plainLetters(first)}.${plainLetters(last)}@${domain}`, domain }
}

export function makeCompany(random: Random): Person {
  const name = `${random.pick(companies)} ${random.pick(companies)}`
  const domain = `${plainLetters(name)}${random.between(1, 9)}.example`
  return { name, address: `${random.pick(['no-reply', 'news', 'servizio', 'orders'])}@${domain}`, domain }
}

export function sentence(random: Random, language: Language): string {
  const words: string[] = []
  for (let left = random.between(5, 18); left > 0; left--) {
    words.push(random.chance(0.03) ? String(random.between(1, 9999)) : random.pickEarly(language.words))
  }
  const text = words.join(language.space)
  return text.charAt(0).toUpperCase() + text.slice(1) + language.stop
}

export function paragraph(random: Random, language: Language): string {
  const sentences: string[] = []
  for (let left = random.between(2, 6); left > 0; left--) sentences.push(sentence(random, language))
  return sentences.join(language.space)
}
